import type { Client } from './sessions/client.ts';
import type { Message } from './sessions/message.ts';

/** The node's name, as the recorded exchanges have it. */
export const NODE = 'emqx@127.0.0.1';

export type ClientEvent =
  | 'client_connected'
  | 'client_disconnected'
  | 'client_subscribed'
  | 'client_unsubscribed';

/** `$SYS/brokers/{node}/clients/{clientid}/connected` and its sisters; `details` are those of a subscription. */
export function clientEvent(
  event: ClientEvent,
  client: Client,
  nowMs: number,
  details: Record<string, unknown>,
): Message {
  const name = event.slice('client_'.length);
  const body = { ...about(client), ...bodyOf(event, client, nowMs), ...details, ts: nowMs };
  return {
    topic: `$SYS/brokers/${NODE}/clients/${client.clientId}/${name}`,
    payload: Buffer.from(JSON.stringify(body)),
    qos: 0,
    retain: false,
    from: null,
    publishedAtMs: nowMs,
    expiresAtMs: null,
  };
}

function about(client: Client) {
  // EMQX writes its `undefined` as text.
  return { clientid: client.clientId, username: client.username ?? 'undefined', protocol: 'mqtt' };
}

function bodyOf(event: ClientEvent, client: Client, nowMs: number) {
  if (event === 'client_subscribed' || event === 'client_unsubscribed') return {};
  const connection = {
    ipaddress: client.address,
    sockport: client.localPort,
    proto_name: client.protocolName,
    proto_ver: client.protocolVersion,
    connected_at: client.connectedAtMs ?? nowMs,
  };
  if (event === 'client_disconnected') {
    return {
      ...connection,
      reason: client.reason ?? 'tcp_closed',
      disconnected_at: client.disconnectedAtMs ?? nowMs,
    };
  }
  return {
    ...connection,
    keepalive: client.keepaliveSeconds,
    clean_start: client.cleanStart,
    // In milliseconds, other than in REST.
    expiry_interval: Math.min(client.expiryMs, 0xffff_ffff * 1000),
  };
}
