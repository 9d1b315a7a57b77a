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

/** The group in which several server instances share their subscriptions. */
const SHARE_GROUP = 'server';

export function shared(filter: string): string {
  return `$share/${SHARE_GROUP}/${filter}`;
}

/** The level of a topic template that holds the UUID of a device. */
const DEVICE_LEVEL = '{device}';

/** The MQTT filter of a topic template, such as `device/+/ping` of `device/{device}/ping`. */
export function topicFilter(template: string): string {
  return template.replace(DEVICE_LEVEL, '+');
}

/** Makes what finds the device that a topic of this template is about; nothing for any other topic. */
export function topicMatcher(template: string): (topic: string) => string | undefined {
  const levels = template.split('/').map((level) => {
    if (level === DEVICE_LEVEL) return '([^/]{36})';
    return level === '+' ? '[^/]+' : RegExp.escape(level);
  });
  const pattern = new RegExp(`^${levels.join('/')}$`);
  return (topic) => {
    const id = pattern.exec(topic)?.[1];
    return id !== undefined && isDeviceUuid(id) ? id : undefined;
  };
}
