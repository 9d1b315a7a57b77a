import { isDeviceUuid } from './uuid.ts';

/** What a device may do on one of its own topics (docs/protocol.md, section 4). */
export interface TopicRight {
  readonly topic: string;
  readonly action: 'publish' | 'subscribe' | 'all';
}

/** The topics that every device has for itself. */
export function topicsOfDevice(id: string): readonly TopicRight[] {
  return [
    { topic: pingTopic(id), action: 'all' },
    { topic: `/${pingTopic(id)}`, action: 'all' },
    { topic: dataTopic(id), action: 'all' },
    { topic: linkTopic(id), action: 'all' },
    { topic: commandTopic(id), action: 'subscribe' },
    { topic: replyTopic(id), action: 'publish' },
    { topic: ackTopic(id), action: 'subscribe' },
    { topic: aboutTopic(id), action: 'publish' },
  ];
}

/** Where a device sends PINGs and hears PONGs; a leading slash is allowed. */
export function pingTopic(id: string): string {
  return `device/${id}/ping`;
}

/** Where a device publishes its telemetry records. */
export function dataTopic(id: string): string {
  return `device/${id}/data`;
}

/** The link topic of a device: its master, or its agents, use it too. */
export function linkTopic(id: string): string {
  return `device/${id}/master`;
}

export function commandTopic(id: string): string {
  return `device/${id}/command`;
}

/** Where a device answers commands. */
export function replyTopic(id: string): string {
  return `device/${id}/reply`;
}

/** Where the server acknowledges numbered records. */
export function ackTopic(id: string): string {
  return `device/${id}/ack`;
}

/** Where a device describes itself. */
export function aboutTopic(id: string): string {
  return `device/${id}/about`;
}

/** What the server subscribes to for PINGs; both forms that a device may use. */
export const PING_FILTERS = [pingTopic('+'), `/${pingTopic('+')}`] as const;

/** The group in which several server instances share their subscriptions. */
const SHARE_GROUP = 'server';

export function shared(filter: string): string {
  return `$share/${SHARE_GROUP}/${filter}`;
}

/** What the server subscribes to for the connects and disconnects of clients: EMQX's client events. */
export const PRESENCE_FILTERS = [
  '$SYS/brokers/+/clients/+/connected',
  '$SYS/brokers/+/clients/+/disconnected',
] as const;

const DEVICE_TOPIC = /^\/?device\/([^/]{36})\/([a-z]+)$/;
const CLIENT_EVENT = /^\$SYS\/brokers\/[^/]+\/clients\/([^/]{36})\/(connected|disconnected)$/;

/**
 * The device that a topic is about, and what kind of topic it is: the last level of a device's topic, or
 * `client_connected` and `client_disconnected`. Nothing for a topic of any other form.
 */
export function parseDeviceTopic(topic: string): { readonly id: string; readonly kind: string } | undefined {
  const own = DEVICE_TOPIC.exec(topic);
  const event = own ? null : CLIENT_EVENT.exec(topic);
  const [, id, last] = own ?? event ?? [];
  if (id === undefined || last === undefined || !isDeviceUuid(id)) return undefined;
  return { id, kind: event ? `client_${last}` : last };
}
