import { type Context, Hono } from 'hono';
import { z } from 'zod';
import type { BrokerCore } from '../core.ts';
import { NODE } from '../mqtt/client-events.ts';
import type { Session } from '../sessions/session.ts';
import { describeClient } from './client-description.ts';
import { checkBody, clientNotFound } from './errors.ts';
import { paginate, readPage } from './paging.ts';

const topicSchema = z.object({ topic: z.string() });

/** `/clients`: those connected and those whose session waits for them. */
export function clientRoutes(core: BrokerCore) {
  const app = new Hono();
  const existing = (context: Context): Session => {
    const session = core.sessions.get(context.req.param('clientid') ?? '');
    if (!session) throw clientNotFound();
    return session;
  };

  app.get('/clients', (context) => {
    const page = readPage(context);
    const fields = context.req.query('fields')?.split(',');
    return context.json(
      paginate(selected(core, context), page, (session) => {
        const description = describeClient(session);
        if (!fields || fields.includes('all')) return description;
        return Object.fromEntries(Object.entries(description).filter(([name]) => fields.includes(name)));
      }),
    );
  });

  app.post('/clients/kickout/bulk', async (context) => {
    for (const clientId of checkBody(z.array(z.string()), await context.req.json())) core.kick(clientId);
    return context.body(null, 204);
  });

  app.get('/clients/:clientid', (context) => context.json(describeClient(existing(context))));

  app.delete('/clients/:clientid', (context) => {
    if (!core.kick(context.req.param('clientid'))) throw clientNotFound();
    return context.body(null, 204);
  });

  app.get('/clients/:clientid/subscriptions', (context) => {
    const session = existing(context);
    return context.json(
      [...session.subscriptions.values()].map(({ raw, qos, noLocal, retainAsPublished }) => ({
        node: NODE,
        clientid: session.clientId,
        topic: raw,
        qos,
        nl: noLocal ? 1 : 0,
        rap: retainAsPublished ? 1 : 0,
        rh: 0,
        durable: false,
      })),
    );
  });

  app.post('/clients/:clientid/unsubscribe', async (context) => {
    const { topic } = checkBody(topicSchema, await context.req.json());
    core.subscriptions.remove(existing(context), topic);
    return context.body(null, 204);
  });

  app.post('/clients/:clientid/unsubscribe/bulk', async (context) => {
    const topics = checkBody(z.array(topicSchema), await context.req.json());
    const session = existing(context);
    for (const { topic } of topics) core.subscriptions.remove(session, topic);
    return context.body(null, 204);
  });

  app.get('/clients/:clientid/authorization/cache', (context) => {
    const { connection } = existing(context);
    const decisions = connection.decisions.list(core.authorizer.cacheTtlMs, core.clock.now());
    return context.json(
      decisions.map(({ action, topic, result, updatedAtMs }) => ({
        access:
          action.type === 'publish'
            ? { action_type: 'publish', qos: action.qos, retain: action.retain }
            : { action_type: 'subscribe', qos: action.qos },
        topic,
        result,
        updated_time: updatedAtMs,
      })),
    );
  });

  app.delete('/clients/:clientid/authorization/cache', (context) => {
    existing(context).connection.decisions.clear();
    return context.body(null, 204);
  });

  return app;
}

/** The clients that the query asks for. One that is asked for by its id is looked up. */
function* selected(core: BrokerCore, context: Context): Generator<Session> {
  const ids = context.req.queries('clientid');
  const usernames = context.req.queries('username');
  const { like_clientid, like_username, conn_state, clean_start, proto_ver } = context.req.query();
  const candidates = ids ? ids.flatMap((id) => core.sessions.get(id) ?? []) : core.sessions.values();
  for (const session of candidates) {
    const { username, cleanStart, protocolVersion, ended } = session.connection;
    const matches =
      (!usernames || (username !== undefined && usernames.includes(username))) &&
      (like_clientid === undefined || session.clientId.includes(like_clientid)) &&
      (like_username === undefined || (username ?? '').includes(like_username)) &&
      (conn_state === undefined || conn_state === (ended ? 'disconnected' : 'connected')) &&
      (clean_start === undefined || clean_start === String(cleanStart)) &&
      (proto_ver === undefined || proto_ver === String(protocolVersion));
    if (matches) yield session;
  }
}
