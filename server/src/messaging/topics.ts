import { isDeviceUuid } from '../platform/uuid.ts';

/** What a device may do on one of its own topics (docs/protocol.md, section 4). */
export interface TopicRight {
  readonly topic: string;
  readonly action: 'publish' | 'subscribe' | 'all';
}

/** The topics that every device has for itself. */
export function topicsOfDevice(id: string): readonly TopicRight[] {
  return [
    { topic: `device/${id}/ping`, action: 'all' },
    { topic: `/device/${id}/ping`, action: 'all' },
    { topic: `device/${id}/data`, action: 'all' },
    { topic: linkTopic(id), action: 'all' },
    { topic: `device/${id}/command`, action: 'subscribe' },
    { topic: `device/${id}/reply`, action: 'publish' },
  ];
}

/** The link topic of a device: its master, or its agents, use it too. */
export function linkTopic(id: string): string {
  return `device/${id}/master`;
}

/** What the server subscribes to for PINGs; both forms that a device may use. */
export const PING_FILTERS = ['device/+/ping', '/device/+/ping'] as const;

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
