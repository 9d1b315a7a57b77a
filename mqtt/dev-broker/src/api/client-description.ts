import { NODE } from '../mqtt/client-events.ts';
import type { Session } from '../sessions/session.ts';

/** A client as `GET /clients` shows it. What the model does not count is 0. */
export function describeClient(session: Session) {
  const { connection, limits } = session;
  const connected = !connection.ended;
  return {
    node: NODE,
    clientid: session.clientId,
    username: connection.username ?? null,
    ip_address: connection.address,
    port: connection.port,
    listener: connection.listener,
    proto_name: connection.protocolName,
    proto_ver: connection.protocolVersion,
    keepalive: connection.keepaliveSeconds,
    clean_start: connection.cleanStart,
    connected,
    connected_at: rfc3339(connection.connectedAtMs ?? session.createdAtMs),
    ...(connected ? {} : { disconnected_at: rfc3339(connection.disconnectedAtMs ?? session.createdAtMs) }),
    created_at: rfc3339(session.createdAtMs),
    ...(connection.identity.expireAtMs === null ? {} : { auth_expire_at: connection.identity.expireAtMs }),
    is_persistent: session.persistent,
    expiry_interval: session.persistent ? Math.min(limits.expiryMs / 1000, 0xffff_ffff) : 0,
    is_expired: false,
    is_bridge: false,
    durable: false,
    enable_authn: true,
    mountpoint: null,
    peersni: null,
    client_attrs: {},
    subscriptions_cnt: session.subscriptions.size,
    subscriptions_max: 'infinity',
    inflight_cnt: session.inflightCount,
    inflight_max: finite(limits.maxInflight),
    mqueue_len: session.queueLength,
    mqueue_max: finite(limits.maxQueue),
    mqueue_dropped: session.dropped,
    awaiting_rel_cnt: session.awaitingRelease.size,
    awaiting_rel_max: 100,
    mailbox_len: 0,
    heap_size: 0,
    reductions: 0,
    recv_oct: connection.socket.bytesRead,
    recv_cnt: connection.receivedPackets,
    recv_pkt: connection.receivedPackets,
    recv_msg: connection.receivedMessages,
    'recv_msg.qos0': 0,
    'recv_msg.qos1': 0,
    'recv_msg.qos2': 0,
    'recv_msg.dropped': 0,
    'recv_msg.dropped.await_pubrel_timeout': 0,
    send_oct: connection.socket.bytesWritten,
    send_cnt: connection.sentMessages,
    send_pkt: connection.sentMessages,
    send_msg: connection.sentMessages,
    'send_msg.qos0': 0,
    'send_msg.qos1': 0,
    'send_msg.qos2': 0,
    'send_msg.dropped': session.dropped,
    'send_msg.dropped.expired': 0,
    'send_msg.dropped.queue_full': session.dropped,
    'send_msg.dropped.too_large': 0,
  };
}

function finite(value: number): number | 'infinity' {
  return Number.isFinite(value) ? value : 'infinity';
}

function rfc3339(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '+00:00');
}
