import { NODE } from '../events.ts';
import type { Session } from '../sessions/session.ts';
import { rfc3339 } from '../times.ts';

/** Counts that EMQX brings up to date now and then, so that they lag behind. */
export interface SessionCounts {
  inflight_cnt: number;
  mqueue_len: number;
}

/** A client as `GET /clients` shows it. What the model does not count is 0. */
export function describeClient(session: Session, counts: SessionCounts) {
  const { client, limits } = session;
  const connected = !client.ended;
  return {
    node: NODE,
    clientid: session.clientId,
    username: client.username ?? null,
    ip_address: client.address,
    port: client.port,
    listener: client.listener,
    proto_name: client.protocolName,
    proto_ver: client.protocolVersion,
    keepalive: client.keepaliveSeconds,
    clean_start: client.cleanStart,
    connected,
    connected_at: rfc3339(client.connectedAtMs ?? session.createdAtMs),
    ...(connected ? {} : { disconnected_at: rfc3339(client.disconnectedAtMs ?? session.createdAtMs) }),
    created_at: rfc3339(session.createdAtMs),
    // Null for a session that never showed a token, as one from when the broker was open.
    auth_expire_at: client.identity.expireAtMs,
    is_persistent: session.persistent,
    expiry_interval: Math.min(client.expiryMs / 1000, 0xffff_ffff),
    is_expired: false,
    is_bridge: client.bridge,
    durable: false,
    enable_authn: true,
    mountpoint: null,
    peersni: null,
    client_attrs: {},
    subscriptions_cnt: session.subscriptions.size,
    subscriptions_max: 'infinity',
    ...counts,
    inflight_max: finite(session.maxInflight),
    mqueue_max: finite(limits.maxQueue),
    mqueue_dropped: session.dropped,
    awaiting_rel_cnt: session.awaitingRelease.size,
    awaiting_rel_max: 100,
    mailbox_len: 0,
    heap_size: 0,
    reductions: 0,
    recv_oct: client.bytesReceived,
    recv_cnt: client.receivedPackets,
    recv_pkt: client.receivedPackets,
    recv_msg: client.receivedMessages,
    'recv_msg.qos0': 0,
    'recv_msg.qos1': 0,
    'recv_msg.qos2': 0,
    'recv_msg.dropped': 0,
    'recv_msg.dropped.await_pubrel_timeout': 0,
    send_oct: client.bytesSent,
    send_cnt: client.sentMessages,
    send_pkt: client.sentMessages,
    send_msg: client.sentMessages,
    'send_msg.qos0': 0,
    'send_msg.qos1': 0,
    'send_msg.qos2': 0,
    'send_msg.dropped': session.dropped + session.expired,
    'send_msg.dropped.expired': session.expired,
    'send_msg.dropped.queue_full': session.dropped,
    'send_msg.dropped.too_large': 0,
  };
}

/** Reads `fields`: the names to show, null for all. `unknown` is the first that EMQX does not take. */
export function readFields(text: string | undefined): { names: Set<string> | null; unknown?: string } {
  if (text === undefined || text === 'all') return { names: null };
  const names = new Set(text.split(',').filter((name) => name !== ''));
  for (const name of names) if (!SELECTABLE.has(name)) return { names, unknown: name };
  return { names };
}

/** `auth_expire_at`, `listener`, `is_persistent` and `enable_authn` are shown, but cannot be asked for. */
const SELECTABLE = new Set([
  ...['node', 'clientid', 'username', 'ip_address', 'port', 'proto_name', 'proto_ver', 'keepalive'],
  ...['clean_start', 'connected', 'connected_at', 'disconnected_at', 'created_at', 'expiry_interval'],
  ...['is_expired', 'is_bridge', 'durable', 'mountpoint', 'client_attrs', 'subscriptions_cnt'],
  ...['subscriptions_max', 'inflight_cnt', 'inflight_max', 'mqueue_len', 'mqueue_max', 'mqueue_dropped'],
  ...['awaiting_rel_cnt', 'awaiting_rel_max', 'mailbox_len', 'heap_size', 'reductions', 'recv_oct'],
  ...['recv_cnt', 'recv_pkt', 'recv_msg', 'send_oct', 'send_cnt', 'send_pkt', 'send_msg'],
  ...['recv_msg.qos0', 'recv_msg.qos1', 'recv_msg.qos2', 'recv_msg.dropped', 'send_msg.dropped'],
  ...['send_msg.qos0', 'send_msg.qos1', 'send_msg.qos2', 'recv_msg.dropped.await_pubrel_timeout'],
  ...['send_msg.dropped.expired', 'send_msg.dropped.queue_full', 'send_msg.dropped.too_large'],
]);

function finite(value: number): number | 'infinity' {
  return Number.isFinite(value) ? value : 'infinity';
}
