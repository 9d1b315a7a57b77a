import { randomUUID } from 'node:crypto';
import { MIGRATIONS_FOLDER } from '../dev/stack.ts';
import { type DatabaseClient, openDatabase } from '../src/platform/db/client.ts';
import { migrate } from '../src/platform/db/migrate.ts';
import { findOrMakeKeys } from '../src/telemetry/ingest/device-state.ts';
import { insertRecords, markDirtyHours } from '../src/telemetry/ingest/write-batch.ts';
import { makePartitions, ROLLUPS, TELEMETRY } from '../src/telemetry/store/partitions.ts';
import { createTestDatabase } from './harness.ts';

const HOUR = 3_600_000;

/** A record that is stored as if it had been received when it was measured. */
export interface Point {
  readonly atMs: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** The tables of telemetry in a database of their own, without a server. */
export interface StoredTelemetry {
  readonly client: DatabaseClient;
  /** A new device with these records, received a microsecond apart. */
  deviceWith(points: readonly Point[]): Promise<{ readonly key: number; readonly id: string }>;
  add(key: number, points: readonly Point[]): Promise<void>;
  close(): Promise<void>;
}

/** With partitions from `fromMs` to `toMs`, Unix milliseconds. */
export async function startStoredTelemetry(fromMs: number, toMs: number): Promise<StoredTelemetry> {
  const database = await createTestDatabase();
  const client = openDatabase(database.url);
  await migrate(client.sql, MIGRATIONS_FOLDER);
  await makePartitions(client.sql, TELEMETRY, fromMs, toMs);
  await makePartitions(client.sql, ROLLUPS, fromMs, toMs);

  async function add(key: number, points: readonly Point[]): Promise<void> {
    const records = points.map(({ atMs, body }, index) => ({
      deviceId: '',
      atUs: atMs * 1_000,
      receivedUs: atMs * 1_000 + index,
      text: JSON.stringify(body),
      body,
    }));
    await insertRecords(client.db, records, () => key);
    const hours = [...new Set(points.map(({ atMs }) => Math.floor(atMs / HOUR)))];
    await markDirtyHours(
      client.db,
      hours.map((hour) => ({ device: key, hourMs: hour * HOUR })),
    );
  }

  return {
    client,
    add,
    async deviceWith(points) {
      const [made] = await findOrMakeKeys(client.db, [randomUUID()]);
      if (!made) throw new Error('no key');
      await add(made.key, points);
      return made;
    },
    async close() {
      await client.close(1_000);
      await database.close();
    },
  };
}

export function temperatures(fromMs: number, toMs: number, stepMs: number): Point[] {
  const points: Point[] = [];
  for (let atMs = fromMs, i = 0; atMs < toMs; atMs += stepMs, i++) {
    points.push({
      atMs,
      body: { temp: Math.round(1_000 * Math.sin(i * 12.9898)) / 8, on: i % 2 === 0, label: 'x' },
    });
  }
  return points;
}
