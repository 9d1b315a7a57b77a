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

/** The group in which several server instances share their subscriptions. */
const SHARE_GROUP = 'server';

export function shared(filter: string): string {
  return `$share/${SHARE_GROUP}/${filter}`;
}

/** The level of a topic template that holds the UUID of a device. */
export const DEVICE_LEVEL = '{device}';

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
