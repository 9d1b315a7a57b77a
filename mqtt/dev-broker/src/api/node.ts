import { Hono } from 'hono';
import type { BrokerCore } from '../core.ts';
import { NODE } from '../events.ts';

/** The release whose behaviour is modelled. */
const VERSION = '5.8.9';

export function statusText(): string {
  return `Node ${NODE} is started\nemqx is running`;
}

/** `/nodes`. What is said of the machine is 0. */
export function nodeRoutes(core: BrokerCore) {
  const app = new Hono();

  app.get('/nodes', (context) => {
    const live = [...core.clients].filter(({ connectedAtMs }) => connectedAtMs !== null).length;
    return context.json([
      {
        node: NODE,
        version: VERSION,
        otp_release: '26.1.1/14.1',
        load1: 0,
        load5: 0,
        load15: 0,
        uptime: core.clock.now() - core.startedAtMs,
        node_status: 'running',
        role: 'core',
        edition: 'Opensource',
        memory_used: '0.00M',
        memory_total: '0.00G',
        connections: core.sessions.size,
        live_connections: live,
        cluster_sessions: core.sessions.size,
        max_fds: 0,
        process_available: 0,
        process_used: 0,
      },
    ]);
  });

  return app;
}
