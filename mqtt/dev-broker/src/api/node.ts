import { Hono } from 'hono';
import type { BrokerCore } from '../core.ts';
import { NODE } from '../mqtt/client-events.ts';

/** The release whose behaviour is modelled. */
const VERSION = '5.8.9';

export function statusText(): string {
  return `Node ${NODE} is started\nemqx is running`;
}

/** `/nodes`, `/listeners` and the counters. Rates are not measured and always 0. */
export function nodeRoutes(core: BrokerCore, ports: () => { mqttPort: number; serverPort: number }) {
  const app = new Hono();

  app.get('/nodes', (context) => {
    const { live, all } = census(core);
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
        connections: all,
        live_connections: live,
        cluster_sessions: all,
        max_fds: 0,
        process_available: 0,
        process_used: 0,
      },
    ]);
  });

  app.get('/listeners', (context) => {
    const { mqttPort, serverPort } = ports();
    return context.json([listener('default', mqttPort), listener('server', serverPort)]);
  });

  app.get('/monitor_current', (context) => {
    const { live, all } = census(core);
    const { count, sharedCount } = core.subscriptions;
    return context.json({
      connections: all,
      live_connections: live,
      subscriptions: count,
      subscriptions_ram: count,
      subscriptions_durable: 0,
      shared_subscriptions: sharedCount,
      topics: core.subscriptions.topicCount,
      disconnected_durable_sessions: 0,
      retained_msg_count: core.retained.count,
      dropped_msg_rate: 0,
      persisted_rate: 0,
      received_msg_rate: 0,
      sent_msg_rate: 0,
      transformation_failed_rate: 0,
      transformation_succeeded_rate: 0,
      validation_failed_rate: 0,
      validation_succeeded_rate: 0,
    });
  });

  app.get('/stats', (context) => context.json([{ node: NODE, ...Object.fromEntries(statistics(core)) }]));

  app.get('/prometheus/stats', (context) => {
    const lines = statistics(core).map(([name, value]) => {
      const metric = `emqx_${name.replaceAll('.', '_')}`;
      return `# TYPE ${metric} gauge\n# HELP ${metric} \n${metric} ${value}\n`;
    });
    return context.text(lines.join(''));
  });

  return app;
}

function census(core: BrokerCore): { live: number; all: number } {
  return { live: core.liveConnections, all: core.sessions.size };
}

/** EMQX's gauges; the highest values are those of now, since none are kept. */
function statistics(core: BrokerCore): [name: string, value: number][] {
  const { live, all } = census(core);
  const { count, sharedCount, topicCount } = core.subscriptions;
  const gauges: [string, number][] = [
    ['connections', all],
    ['live_connections', live],
    ['channels', all],
    ['sessions', all],
    ['cluster_sessions', all],
    ['subscribers', count],
    ['subscriptions', count],
    ['suboptions', count],
    ['subscriptions.shared', sharedCount],
    ['topics', topicCount],
    ['retained', core.retained.count],
    ['delayed', 0],
  ];
  return gauges.flatMap(([name, value]) => [
    [`${name}.count`, value],
    [`${name}.max`, value],
  ]);
}

function listener(name: string, port: number) {
  return {
    id: `tcp:${name}`,
    type: 'tcp',
    name,
    bind: `0.0.0.0:${port}`,
    enable: true,
    running: true,
  };
}
