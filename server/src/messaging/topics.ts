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
export const SHARE_GROUP = 'server';

export function shared(filter: string): string {
  return `$share/${SHARE_GROUP}/${filter}`;
}

/** The device that a topic belongs to, and its last level; nothing for a topic of any other form. */
export function parseDeviceTopic(topic: string): { readonly id: string; readonly leaf: string } | undefined {
  const match = /^\/?device\/([^/]{36})\/([a-z]+)$/.exec(topic);
  const [, id, leaf] = match ?? [];
  if (id === undefined || leaf === undefined || !isDeviceUuid(id)) return undefined;
  return { id, leaf };
}
