import { Hono } from 'hono';
import { z } from 'zod';
import { type BrokerCore, newId } from '../core.ts';
import { isTopicName } from '../topics.ts';
import { ApiError, checkBody } from './errors.ts';

const publishSchema = z.object({
  topic: z.string(),
  payload: z.string(),
  payload_encoding: z.enum(['plain', 'base64']).default('plain'),
  qos: z.union([z.literal(0), z.literal(1), z.literal(2)]).default(0),
  retain: z.boolean().default(false),
  properties: z.object({ message_expiry_interval: z.number().int().nonnegative().optional() }).default({}),
});
type Publish = z.infer<typeof publishSchema>;

const NOBODY = { message: 'no_matching_subscribers', reason_code: 16 };

/** `/publish` and `/publish/bulk`: 200 with an id, 202 when nobody subscribed. No rule is asked, as in EMQX. */
export function publishRoutes(core: BrokerCore) {
  const app = new Hono();

  app.post('/publish', async (context) => {
    const body = checkBody(publishSchema, await context.req.json());
    checkTopics([body]);
    const answer = publish(core, body);
    return context.json(answer, answer === NOBODY ? 202 : 200);
  });

  app.post('/publish/bulk', async (context) => {
    const bodies = checkBody(z.array(publishSchema).min(1), await context.req.json());
    checkTopics(bodies);
    const answers = bodies.map((body) => publish(core, body));
    return context.json(answers, answers.includes(NOBODY) ? 202 : 200);
  });

  return app;
}

/** One bad topic refuses them all before anything is published. */
function checkTopics(bodies: readonly Publish[]): void {
  if (bodies.every(({ topic }) => isTopicName(topic))) return;
  throw new ApiError(400, 'BAD_REQUEST', 'topic_name_invalid');
}

function publish(core: BrokerCore, body: Publish): typeof NOBODY | { id: string } {
  const { topic, payload, payload_encoding, qos, retain, properties } = body;
  const now = core.clock.now();
  const lifetime = properties.message_expiry_interval;
  const reached = core.publish({
    topic,
    payload: Buffer.from(payload, payload_encoding === 'base64' ? 'base64' : 'utf8'),
    qos,
    retain,
    from: null,
    publishedAtMs: now,
    expiresAtMs: lifetime === undefined ? null : now + lifetime * 1000,
  });
  return reached ? { id: newId() } : NOBODY;
}
