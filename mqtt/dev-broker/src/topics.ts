/** A topic filter as a client named it, taken apart. */
export interface ParsedFilter {
  /** The name as subscribed, `$share/group/` included. */
  raw: string;
  /** The share group, or null for an ordinary subscription. */
  group: string | null;
  /** The filter that topics are matched with. */
  filter: string;
}

const MAX_TOPIC_BYTES = 65_535;

/**
 * Matches a topic, or a subscription filter taken literally, with a filter: the same walk as EMQX's
 * `emqx_topic:match/2`. A wildcard in `name` is a word like any other, so a rule allows a wildcard
 * subscription only where its own wildcard stands in the same place or above it.
 */
export function matchWords(name: readonly string[], filter: readonly string[]): boolean {
  const first = filter[0];
  if (name[0]?.startsWith('$') && (first === '+' || first === '#')) return false;
  for (let i = 0; ; i++) {
    const want = filter[i];
    if (want === '#' && i === filter.length - 1) return true;
    const have = name[i];
    if (want === undefined || have === undefined) return want === have;
    if (want !== have && want !== '+') return false;
  }
}

export function isWildcard(filter: string): boolean {
  return filter.includes('+') || filter.includes('#');
}

/** Levels as EMQX counts them against `max_topic_levels`. */
export function topicLevels(topic: string): number {
  let levels = 1;
  for (let i = 0; i < topic.length; i++) if (topic.charCodeAt(i) === 47) levels++;
  return levels;
}

/** True for a name that can be published to. */
export function isTopicName(topic: string): boolean {
  return isWellFormed(topic) && !isWildcard(topic);
}

/** Takes a subscription's name apart; null when MQTT does not allow it (EMQX then closes the connection). */
export function parseFilter(raw: string): ParsedFilter | null {
  if (raw.startsWith('$queue/')) return checked(raw, '$queue', raw.slice(7));
  if (!raw.startsWith('$share/')) return checked(raw, null, raw);
  const slash = raw.indexOf('/', 7);
  if (slash < 0) return null;
  const group = raw.slice(7, slash);
  const filter = raw.slice(slash + 1);
  if (group === '' || isWildcard(group) || filter.startsWith('$share/') || filter.startsWith('$queue/')) {
    return null;
  }
  return checked(raw, group, filter);
}

function checked(raw: string, group: string | null, filter: string): ParsedFilter | null {
  if (!isWellFormed(filter)) return null;
  const words = filter.split('/');
  for (const [index, word] of words.entries()) {
    if (word === '+') continue;
    if (word === '#' && index === words.length - 1) continue;
    if (word.includes('+') || word.includes('#')) return null;
  }
  return { raw, group, filter };
}

function isWellFormed(topic: string): boolean {
  return topic !== '' && !topic.includes('\0') && Buffer.byteLength(topic) <= MAX_TOPIC_BYTES;
}
