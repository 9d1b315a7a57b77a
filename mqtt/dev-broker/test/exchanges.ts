import { z } from 'zod';
import recorded from './exchanges.json';

/** A recorded call. Long lists are cut and marked with `…`. */
export type Exchange = z.infer<typeof exchangeSchema>;

const exchangeSchema = z.object({
  note: z.string().optional(),
  method: z.string(),
  path: z.string(),
  request: z.unknown(),
  status: z.number(),
  response: z.unknown(),
});

export const exchanges: Exchange[] = z.array(exchangeSchema).parse(recorded);

/** Values that differ from run to run: only their type is compared. */
const VOLATILE = new Set([
  ...[
    'load1',
    'load5',
    'load15',
    'uptime',
    'memory_used',
    'memory_total',
    'max_fds',
    'version',
    'otp_release',
  ],
  ...['process_available', 'process_used', 'edition', 'connections', 'live_connections', 'cluster_sessions'],
  ...['at', 'connected_at', 'created_at', 'auth_expire_at', 'port', 'heap_size', 'reductions', 'mailbox_len'],
  ...['total', 'success', 'failed', 'nomatch', 'rate', 'rate_last5m', 'rate_max', 'node'],
]);
const VOLATILE_PATTERN = /^(recv|send)_/;
const MORE = /^… (\d+) more of the same form$/;
const DATE = /^\d{4}-\d\d-\d\dT/;

/** The request to send: lists written out, times that have passed put an hour ahead of `now`. */
export function requestOf({ request }: Exchange, now: Date): unknown {
  const later = new Date(now.getTime() + 3_600_000).toISOString();
  return transform(request, (value, key) => (key === 'until' && value !== 'infinity' ? later : value));
}

/** A response with what differs from run to run taken out, so that two can be compared. */
export function comparable(response: unknown): unknown {
  return typeof response === 'string'
    ? response.replace(/Node \S+ is/, 'Node <name> is')
    : transform(response, (value, key) => {
        if (VOLATILE.has(key) || VOLATILE_PATTERN.test(key)) return `<${typeof value}>`;
        if (key === 'until' && typeof value === 'string') return DATE.test(value) ? '<time>' : value;
        if (key === 'message' && typeof value === 'string') return comparableMessage(value);
        if (key === 'rules' && typeof value === 'string') return fileRules(value);
        return value;
      });
}

/** JSON text in a message is compared as what it says. */
function comparableMessage(message: string): unknown {
  return message.startsWith('{"') ? comparable(JSON.parse(message)) : message;
}

/** The rules of a file source without its comments; the recording is cut within them. */
function fileRules(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.replace(/%.*$/, '').trim())
    .filter((line) => line !== '' && !line.startsWith('…'));
}

function transform(value: unknown, change: (value: unknown, key: string) => unknown, key = ''): unknown {
  const changed = change(value, key);
  if (changed !== value) return changed;
  if (Array.isArray(value)) {
    const items = expand(value).map((item) => transform(item, change));
    // EMQX's tables have no order of their own.
    return key === 'data' ? items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : items;
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, item]) => [name, transform(item, change, name)]),
  );
}

function expand(items: unknown[]): unknown[] {
  const last = items.at(-1);
  const more = typeof last === 'string' ? MORE.exec(last) : null;
  if (!more) return items;
  const shown = items.slice(0, -1);
  const rest = Array.from({ length: Number(more[1]) }, (_, i) => ({
    ...(shown[0] as object),
    topic: `device/x${shown.length + i}/master`,
  }));
  return [...shown, ...rest];
}
