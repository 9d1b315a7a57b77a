import { randomBytes } from 'node:crypto';
import { Hono } from 'hono';
import { z } from 'zod';
import type { BrokerCore } from '../core.ts';
import { isTopicName } from '../topics.ts';
import { ApiError, checkBody } from './errors.ts';

const publishSchema = z.object({
  topic: z.string(),
  payload: z.string(),
  payload_encoding: z.enum(['plain', 'base64']).default('plain'),
  qos: z.union([z.literal(0), z.literal(1), z.literal(2)]).default(0),
  retain: z.boolean().default(false),
});

/** `POST /publish`: 200 with an id, 202 when nobody subscribed. No rule is asked, as in EMQX. */
export function publishRoutes(core: BrokerCore) {
  const app = new Hono();

  app.post('/publish', async (context) => {
    const body = checkBody(publishSchema, await context.req.json());
    if (!isTopicName(body.topic)) throw new ApiError(400, 'BAD_REQUEST', 'topic_name_invalid');
    const payload = Buffer.from(body.payload, body.payload_encoding === 'base64' ? 'base64' : 'utf8');
    const message = { topic: body.topic, payload, qos: body.qos, retain: false, from: null };
    if (body.retain) core.retained.store(message);
    if (core.publish(message)) return context.json({ id: randomBytes(16).toString('hex').toUpperCase() });
    return context.json({ message: 'no_matching_subscribers', reason_code: 16 }, 202);
  });

  return app;
}
