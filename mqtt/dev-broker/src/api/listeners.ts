import { Hono } from 'hono';
import type { BrokerCore } from '../core.ts';
import { NODE } from '../events.ts';
import type { BrokerListener, Listeners } from '../listeners.ts';
import { ApiError, badRequest } from './errors.ts';

const TYPES = /^(tcp|ssl|ws|wss|quic):[^:]+$/;

/** `/listeners`: what listens, and `start` and `stop`, which hold until the next boot. */
export function listenerRoutes(core: BrokerCore, listeners: Listeners) {
  const app = new Hono();
  const existing = (id: string): BrokerListener => {
    if (!TYPES.test(id)) throw badRequest('Invalid listener id');
    const listener = listeners.get(id);
    if (!listener) throw new ApiError(404, 'BAD_LISTENER_ID', 'Listener id not found');
    return listener;
  };
  const status = ({ id, running }: BrokerListener) => ({
    running,
    max_connections: 'infinity',
    current_connections: core.connectionsOn(id),
  });

  app.get('/listeners', (context) =>
    context.json(
      listeners.list().map((listener) => ({
        id: listener.id,
        type: listener.type,
        name: listener.name,
        enable: listener.running,
        acceptors: 16,
        bind: listener.bind,
        number: 1,
        status: status(listener),
        node_status: [{ node: NODE, status: status(listener) }],
      })),
    ),
  );

  app.get('/listeners/:id', (context) => {
    const listener = existing(context.req.param('id'));
    const { running, ...counts } = status(listener);
    const { id, type, bind, zone } = listener;
    return context.json({
      id,
      type,
      bind,
      zone,
      acceptors: 16,
      enable_authn: true,
      enable: running,
      running,
      ...counts,
    });
  });

  app.post('/listeners/:id/start', (context) => {
    existing(context.req.param('id')).running = true;
    return context.body(null, 200);
  });

  app.post('/listeners/:id/stop', (context) => {
    const listener = existing(context.req.param('id'));
    listener.running = false;
    // Its connections end with it.
    for (const client of [...core.clients]) {
      if (client.listener === listener.id) core.endClient(client, 'tcp_closed');
    }
    return context.body(null, 200);
  });

  return app;
}
