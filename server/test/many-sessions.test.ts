import { afterAll, beforeAll, expect, test } from 'bun:test';
import type { SQL } from 'drizzle-orm';
import type { Queryable } from '../src/platform/db/client.ts';
import { removeOldSessions, writeSessionFacts } from '../src/presence/history.ts';
import { readUptime } from '../src/presence/read-history.ts';
import { explaining } from './explain.ts';
import { type StoredTelemetry, startStoredTelemetry } from './stored-telemetry.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 9, 30, 12);
const SESSIONS = 20_000;
const DEVICE = '0a1fac87-1846-42da-8cec-b65cf216211b';

let store: StoredTelemetry;

beforeAll(async () => {
  store = await startStoredTelemetry(NOW, NOW);
  await store.client.sql`
    insert into devices (id, role, state, generation, created_at) values (${DEVICE}, 'agent', 'active', 1, now())`;
}, 60_000);
afterAll(() => store.close());

/** A database, and how many sessions its statements have read. */
function counting(): { readonly db: Queryable; read(): number } {
  const { db, nodes } = explaining(store.client.db);
  const ofSessions = () => nodes.filter(({ table }) => table === 'device_sessions');
  return { db, read: () => ofSessions().reduce((sum, { rows }) => sum + rows, 0) };
}

async function addSessions(
  values: readonly { readonly start: number; readonly end: number | null }[],
): Promise<void> {
  const rows = values.map(({ start, end }) => ({
    start: new Date(start).toISOString(),
    end: end === null ? null : new Date(end).toISOString(),
  }));
  await store.client.sql`delete from device_sessions`;
  await store.client.sql`
    insert into device_sessions (device_id, connected_at, disconnected_at)
    select ${DEVICE}, start, "end"
    from json_to_recordset(${JSON.stringify(rows)}::text::json) as row (start timestamptz, "end" timestamptz)`;
  await store.client.sql`analyze device_sessions`;
}

/** Sessions of a minute each, within the last 89 days. */
const flapping = Array.from({ length: SESSIONS }, (_, i) => {
  const start = NOW - 89 * DAY + Math.floor((i * 89 * DAY) / SESSIONS);
  return { start, end: start + 60_000 };
});

test('a session of a device that flaps is written without reading the others', async () => {
  await addSessions(flapping);
  const { db, read } = counting();
  const facts = { deviceId: DEVICE, reason: undefined, address: undefined, keepAlive: undefined };
  await writeSessionFacts(db, [{ ...facts, connectedAt: NOW, disconnectedAt: undefined }]);
  await writeSessionFacts(db, [{ ...facts, connectedAt: NOW + 5_000, disconnectedAt: undefined }]);
  expect(read()).toBeWithin(1, 200);
  const newest = await store.client.sql`
    select reason, (extract(epoch from disconnected_at) * 1000)::float8 as ended
    from device_sessions order by connected_at desc limit 2`;
  expect(newest).toEqual([
    { reason: null, ended: null },
    { reason: 'missed', ended: NOW + 5_000 },
  ] as never);
});

test('the uptime of a device that flaps is made of one look at each session', async () => {
  await addSessions(flapping);
  const { db, read } = counting();
  await readUptime(db, DEVICE, { days: 90, zone: 'Europe/Berlin', now: NOW });
  expect(read()).toBeWithin(SESSIONS, 1.1 * SESSIONS);
});

test('uptime is the sum of what sessions share with each day, within one, over several, and open ones', async () => {
  const sessions = [
    { start: NOW - 400 * DAY, end: NOW - 88.5 * DAY },
    { start: NOW - 80 * DAY, end: NOW - 70.25 * DAY },
    ...Array.from({ length: 500 }, (_, i) => {
      const start = NOW - 60 * DAY + i * 2.5 * HOUR;
      return { start, end: start + (i % 7) * 20 * 60_000 };
    }),
    { start: NOW - 30 * HOUR, end: null },
  ];
  await addSessions(sessions);
  const uptime = await readUptime(store.client.db, DEVICE, { days: 90, zone: 'UTC', now: NOW });
  const today = Math.floor(NOW / DAY) * DAY;
  const expected = Array.from({ length: 90 }, (_, i) => {
    const from = today - (89 - i) * DAY;
    const to = Math.min(from + DAY, NOW);
    const shared = sessions.map(({ start, end }) => Math.min(end ?? NOW, to) - Math.max(start, from));
    const seconds = shared.reduce((sum, ms) => sum + Math.max(0, ms), 0) / 1_000;
    return { day: new Date(from).toISOString().slice(0, 10), seconds, passed: (to - from) / 1_000 };
  });
  expect(uptime).toEqual(expected);
});

test('old sessions are removed a piece at a time, and open ones stay', async () => {
  await addSessions([...flapping, ...flapping.map(({ start }) => ({ start: start + 1, end: start + 2 }))]);
  await store.client.sql`update device_sessions set noted_at = now() - interval '91 days'`;
  await store.client.sql`
    insert into device_sessions (device_id, connected_at, noted_at)
    values (${DEVICE}, ${new Date(NOW).toISOString()}, now() - interval '91 days')`;
  const { db } = store.client;
  const removed: number[] = [];
  const watched: Queryable = Object.create(db, {
    execute: {
      value: async (statement: SQL) => {
        const rows = await db.execute(statement);
        removed.push(rows.count);
        return rows;
      },
    },
  });
  await removeOldSessions(watched);
  expect(removed).toEqual([SESSIONS, SESSIONS, 0]);
  const left = await store.client.sql`select disconnected_at from device_sessions`;
  expect(left).toEqual([{ disconnected_at: null }] as never);
}, 60_000);
