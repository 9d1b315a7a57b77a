import type { QueryClient, QueryKey } from '@tanstack/react-query';
import type {
  CommandEvent,
  DeviceEvent,
  PresenceEvent,
  TelemetryEvent,
} from '../../../contract/api/events.ts';
import type { Alert } from './alerts.ts';
import type { Device } from './fleet.ts';
import type { EventName } from './fleet-stream.ts';

/** Lists and figures of the fleet are read again this often at most, however much happens in it. */
const FLEET_MS = 2_000;
/** What comes together is read together. */
const SETTLE_MS = 300;
/** A read that takes longer is given up for a new one: its answer may never come. */
const PATIENCE_MS = 10_000;

const FLEET_KEYS = [['devices'], ['summary']] as const;
/** What tells of everything that happens to a device. */
const ownKeys = (id: string): readonly QueryKey[] => [
  ['diagnosis', id],
  ['timeline', id],
];
/** Of what is read seldom, each for itself. */
const SELDOM: ReadonlySet<unknown> = new Set(['devices', 'summary', 'alerts', 'alert-rules']);

/** Brings the cache up to what the event stream tells: what an event holds is written, the rest is read again. */
export function createEventApplier(client: QueryClient) {
  const stale = new Map<string, { readonly key: QueryKey; readonly since: number }>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const readAt = new Map<unknown, number>();

  function readAgain(...keys: readonly QueryKey[]): void {
    for (const key of keys) {
      const text = JSON.stringify(key);
      if (!stale.has(text)) stale.set(text, { key, since: performance.now() });
    }
    timer ??= setTimeout(flush, SETTLE_MS);
  }

  function flush(): void {
    timer = undefined;
    const now = performance.now();
    const isEarly = new Set([...readAt].filter(([, at]) => now - at < FLEET_MS).map(([name]) => name));
    for (const [text, { key, since }] of stale) {
      const [name] = key;
      if (isEarly.has(name)) continue;
      // Begun before the event, it may lack it. Were it given up for each event, a busy device would never be read.
      if (now - since < PATIENCE_MS && client.isFetching({ queryKey: key }) > 0) continue;
      if (SELDOM.has(name)) readAt.set(name, now);
      stale.delete(text);
      void client.invalidateQueries({ queryKey: key });
    }
    if (stale.size === 0) return;
    const waits = [...stale.values()].map(({ key: [name] }) => (readAt.get(name) ?? 0) + FLEET_MS - now);
    timer ??= setTimeout(flush, Math.max(SETTLE_MS, Math.min(...waits)));
  }

  const apply = {
    presence(data: string) {
      const { device, online, at }: PresenceEvent = JSON.parse(data);
      patchDevice(client, device, (known) => ({
        ...known,
        online,
        connectedAt: online ? at : null,
        lastSeenAt: known.lastSeenAt !== null && known.lastSeenAt > at ? known.lastSeenAt : at,
      }));
      readAgain(...FLEET_KEYS, ['device', device], ...ownKeys(device), ['presence', device]);
    },
    device(data: string) {
      const { device, version }: DeviceEvent = JSON.parse(data);
      const known = client.getQueryData<Device>(['device', device]);
      if (known === undefined || known.version !== version) readAgain(['device', device]);
      readAgain(...FLEET_KEYS, ['audit'], ...ownKeys(device));
    },
    command(data: string) {
      const { device }: CommandEvent = JSON.parse(data);
      readAgain(['commands', device], ...ownKeys(device));
    },
    alert(data: string) {
      const { device }: Alert = JSON.parse(data);
      readAgain(['alerts'], ['alert-rules'], ...ownKeys(device.id));
    },
    telemetry(data: string) {
      const record: TelemetryEvent = JSON.parse(data);
      client.setQueryData(['value', record.device], record);
      readAgain(['latest', record.device]);
    },
    // Started again: handled by whoever opened the stream.
    reset() {},
  } satisfies Record<EventName, (data: string) => void>;

  return {
    apply: (name: EventName, data: string) => apply[name](data),
    close: () => clearTimeout(timer),
  };
}

function patchDevice(client: QueryClient, id: string, change: (known: Device) => Device): void {
  client.setQueryData<Device>(['device', id], (known) => known && change(known));
  client.setQueriesData<{ readonly items: readonly Device[] }>(
    { queryKey: ['devices'] },
    (page) =>
      page && { ...page, items: page.items.map((known) => (known.id === id ? change(known) : known)) },
  );
}
