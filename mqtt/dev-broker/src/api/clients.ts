import { type Context, Hono } from 'hono';
import { z } from 'zod';
import type { BrokerCore } from '../core.ts';
import { NODE } from '../events.ts';
import type { Session } from '../sessions/session.ts';
import { describeClient, readFields, type SessionCounts } from './client-description.ts';
import { checkBody, clientNotFound, validationError } from './errors.ts';
import { paginate, readPage, withoutCount } from './paging.ts';

const topicSchema = z.object({ topic: z.string() });

/** `/clients`: those connected and those whose session waits for them. */
export function clientRoutes(core: BrokerCore, statsLagMs: number) {
  const app = new Hono();
  const countsOf = laggingCounts(core, statsLagMs);
  const existing = (context: Context): Session => {
    const session = core.sessions.get(context.req.param('clientid') ?? '');
    if (!session) throw clientNotFound();
    return session;
  };

  app.get('/clients', (context) => {
    const page = readPage(context);
    const { names, unknown } = readFields(context.req.query('fields'));
    if (unknown !== undefined) {
      throw validationError({ path: 'fields', reason: 'not_a_enum_symbol', value: unknown });
    }
    const answer = paginate(selected(core, context), page, (session) => {
      const description = describeClient(session, countsOf(session));
      if (!names) return description;
      return Object.fromEntries(Object.entries(description).filter(([name]) => names.has(name)));
    });
    return context.json(context.req.query('like_clientid') === undefined ? answer : withoutCount(answer));
  });

  app.post('/clients/kickout/bulk', async (context) => {
    for (const clientId of checkBody(z.array(z.string()), await context.req.json())) core.kick(clientId);
    return context.body(null, 204);
  });

  app.get('/clients/:clientid', (context) => {
    const session = existing(context);
    return context.json(describeClient(session, countsOf(session)));
  });

  app.delete('/clients/:clientid', (context) => {
    if (!core.kick(context.req.param('clientid'))) throw clientNotFound();
    return context.body(null, 204);
  });

  app.get('/clients/:clientid/subscriptions', (context) => {
    const session = existing(context);
    return context.json(
      [...session.subscriptions.values()].map(({ raw, qos, noLocal, retainAsPublished, retainHandling }) => ({
        node: NODE,
        clientid: session.clientId,
        topic: raw,
        qos,
        nl: Number(noLocal),
        rap: Number(retainAsPublished),
        rh: retainHandling,
        durable: false,
      })),
    );
  });

  app.post('/clients/:clientid/unsubscribe', async (context) => {
    const { topic } = checkBody(topicSchema, await context.req.json());
    core.unsubscribe(existing(context), topic);
    return context.body(null, 204);
  });

  app.delete('/clients/:clientid/authorization/cache', (context) => {
    existing(context).client.decisions.clear();
    return context.body(null, 204);
  });

  return app;
}

/** The clients that the query asks for. One that is asked for by its id is looked up. */
function* selected(core: BrokerCore, context: Context): Generator<Session> {
  const ids = context.req.queries('clientid');
  const usernames = context.req.queries('username');
  const like = context.req.query('like_clientid');
  const candidates = ids ? ids.flatMap((id) => core.sessions.get(id) ?? []) : core.sessions.values();
  for (const session of candidates) {
    const { username } = session.client;
    const matches =
      (!usernames || (username !== undefined && usernames.includes(username))) &&
      (like === undefined || session.clientId.includes(like));
    if (matches) yield session;
  }
}

/** EMQX writes a session's counts now and then: right after a disconnect they are those of before. */
function laggingCounts(core: BrokerCore, lagMs: number): (session: Session) => SessionCounts {
  const shown = new WeakMap<Session, SessionCounts>();
  return (session) => {
    const counts = { inflight_cnt: session.inflightCount, mqueue_len: session.queueLength };
    const { disconnectedAtMs, ended } = session.client;
    if (!ended) {
      shown.set(session, counts);
      return counts;
    }
    const settled = core.clock.now() - (disconnectedAtMs ?? 0) >= lagMs;
    return settled ? counts : (shown.get(session) ?? { inflight_cnt: 0, mqueue_len: 0 });
  };
}
