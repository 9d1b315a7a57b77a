import type { Connection } from './connection.ts';

/** The node's name, as the recorded exchanges have it. */
export const NODE = 'emqx@127.0.0.1';

/** `$SYS/brokers/{node}/clients/{clientid}/connected`. */
export function connectedEvent(connection: Connection, nowMs: number) {
  return event(connection, 'connected', {
    ...about(connection, nowMs),
    keepalive: connection.keepaliveSeconds,
    clean_start: connection.cleanStart,
    expiry_interval: connection.session?.persistent ? connection.session.limits.expiryMs / 1000 : 0,
  });
}

/** `$SYS/brokers/{node}/clients/{clientid}/disconnected`. */
export function disconnectedEvent(connection: Connection, nowMs: number) {
  return event(connection, 'disconnected', {
    ...about(connection, nowMs),
    reason: connection.reason ?? 'tcp_closed',
    disconnected_at: connection.disconnectedAtMs ?? nowMs,
  });
}

function event(connection: Connection, name: string, body: Record<string, unknown>) {
  return {
    topic: `$SYS/brokers/${NODE}/clients/${connection.clientId}/${name}`,
    payload: Buffer.from(JSON.stringify(body)),
    qos: 0 as const,
    retain: false,
    from: null,
  };
}

function about(connection: Connection, nowMs: number) {
  return {
    clientid: connection.clientId,
    // EMQX writes its `undefined` as text.
    username: connection.username ?? 'undefined',
    ipaddress: connection.address,
    sockport: connection.localPort,
    protocol: 'mqtt',
    proto_name: connection.protocolName,
    proto_ver: connection.protocolVersion,
    connected_at: connection.connectedAtMs ?? nowMs,
    ts: nowMs,
  };
}
