import { Hono } from 'hono';
import { z } from 'zod';
import { delayedSchema } from '../configuration/delayed.ts';
import { retainerSchema } from '../configuration/retainer.ts';
import type { BrokerCore } from '../core.ts';
import type { RetainedMessage } from '../sessions/retained.ts';
import { rfc3339 } from '../times.ts';
import { ApiError, checkBody, notFound } from './errors.ts';
import { readPage } from './paging.ts';

/** `/mqtt/retainer`, its settings and the messages that it holds, and `/mqtt/delayed`. */
export function retainerRoutes(core: BrokerCore) {
  const app = new Hono();
  const { configuration, retained } = core;
  const existing = (topic: string): RetainedMessage => {
    const found = retained.get(topic);
    if (!found) throw notFound("Viewed message doesn't exist");
    return found;
  };

  app.get('/mqtt/retainer', (context) => context.json(configuration.current.retainer));

  app.put('/mqtt/retainer', async (context) => {
    const result = retainerSchema.safeParse(await context.req.json());
    if (!result.success) throw new ApiError(400, 'UPDATE_FAILED', z.prettifyError(result.error));
    configuration.change({ retainer: result.data });
    return context.json(configuration.current.retainer);
  });

  app.get('/mqtt/delayed', (context) => context.json(configuration.current.delayed));

  app.put('/mqtt/delayed', async (context) => {
    core.allowDelayed(checkBody(delayedSchema, await context.req.json()));
    return context.json(configuration.current.delayed);
  });

  app.get('/mqtt/retainer/messages', (context) => {
    const { page, limit } = readPage(context);
    const topic = context.req.query('topic');
    const all = retained.list(topic);
    const data = all.slice((page - 1) * limit, page * limit).map(summary);
    const meta = { page, limit, hasnext: all.length > page * limit };
    // Counted only where nothing is searched for.
    return context.json({ data, meta: topic === undefined ? { count: all.length, ...meta } : meta });
  });

  app.get('/mqtt/retainer/message/:topic', (context) => {
    const found = existing(context.req.param('topic'));
    return context.json({ ...summary(found), payload: found.message.payload.toString('base64') });
  });

  app.delete('/mqtt/retainer/message/:topic', (context) => {
    retained.delete(existing(context.req.param('topic')).message.topic);
    return context.body(null, 204);
  });

  app.delete('/mqtt/retainer/messages', (context) => {
    retained.clear();
    return context.body(null, 204);
  });

  return app;
}

function summary({ id, message }: RetainedMessage) {
  return {
    msgid: id,
    topic: message.topic,
    qos: message.qos,
    publish_at: rfc3339(message.publishedAtMs),
    from_clientid: message.from ?? 'http_api',
    from_username: message.fromUsername ?? '',
  };
}
