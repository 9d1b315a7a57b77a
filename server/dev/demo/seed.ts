import { sql } from 'drizzle-orm';
import { type AuditEntry, writeAudit } from '../../src/audit/audit.ts';
import type { Clock } from '../../src/platform/clock.ts';
import { arrayLiteral } from '../../src/platform/db/array-literal.ts';
import { type Database, openDatabase, type Queryable } from '../../src/platform/db/client.ts';
import { migrate } from '../../src/platform/db/migrate.ts';
import { devices } from '../../src/platform/db/schema.ts';
import type { Random } from '../../src/platform/random.ts';
import { makeTelemetryPartitions } from '../../src/telemetry/store/retention.ts';
import { MIGRATIONS_FOLDER } from '../stack.ts';
import { StackError } from '../stack-error.ts';
import { type DemoDevice, demoDevices } from './cast.ts';
import { insertCommands } from './commands.ts';
import { pastOf } from './past.ts';
import { writePast } from './write-past.ts';

interface SeedDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** The administrator, by whom things were done. */
  readonly operator: string;
}

const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;
const REVOKED_FOR_MS = 2 * DAY_MS;

/**
 * Gives a new database the devices of the demo and their last week. In one that has them, the history goes on from where
 * it ended; nothing is there twice. Runs before the server does.
 *
 * @returns the devices that are there; an operator may have deleted some.
 * @throws StackError where the database holds other devices and none of the demo's.
 */
export async function seedDemo(url: string, deps: SeedDeps): Promise<DemoDevice[]> {
  const database = openDatabase(url);
  try {
    return await database.unlimited(async (client, db) => {
      await migrate(client, MIGRATIONS_FOLDER);
      await makeTelemetryPartitions(client, deps.clock.now());
      return await seed(db, deps);
    });
  } finally {
    await database.close(1_000);
  }
}

async function seed(db: Database, deps: SeedDeps): Promise<DemoDevice[]> {
  const cast = demoDevices();
  const rows = await db.select({ id: devices.id, state: devices.state }).from(devices);
  const known = new Map(rows.map(({ id, state }) => [id, state]));
  const present = cast.filter(({ uuid }) => known.has(uuid));
  const nowMs = deps.clock.now();
  if (present.length === 0) {
    if (rows.length > 0) {
      throw new StackError(
        'The database holds devices that are not of the demo: start --demo with a DATA_DIR or DATABASE_URL of its own.',
      );
    }
    await db.transaction(async (tx) => {
      await insertDemoDevices(tx, cast, nowMs, deps.operator);
      for (const device of cast) {
        if (device.part === 'pending') continue;
        const toMs = device.part === 'revoked' ? nowMs - REVOKED_FOR_MS : nowMs;
        await writePast(tx, device.uuid, pastOf(device, { fromMs: nowMs - WEEK_MS, toMs }, deps.random));
        if (device.part === 'steady') await insertCommands(tx, device, { ...deps, nowMs });
      }
    });
    return cast;
  }
  await db.transaction(async (tx) => {
    const ends = await lastRecords(tx, present);
    for (const device of present) {
      const end = ends.get(device.uuid);
      if (end === undefined || known.get(device.uuid) !== 'active') continue;
      const fromMs = Math.max(end, nowMs - WEEK_MS);
      await writePast(tx, device.uuid, pastOf(device, { fromMs, toMs: nowMs }, deps.random));
    }
  });
  return present;
}

async function insertDemoDevices(
  tx: Queryable,
  cast: readonly DemoDevice[],
  nowMs: number,
  operator: string,
): Promise<void> {
  const createdAt = new Date(nowMs - WEEK_MS);
  await tx.insert(devices).values(
    cast.map(({ uuid, role, name, tags, part, master }) => ({
      id: uuid,
      role,
      state: part === 'pending' || part === 'revoked' ? part : ('active' as const),
      masterId: master ?? null,
      name,
      tags: [...tags],
      createdAt: part === 'pending' ? new Date(nowMs) : createdAt,
    })),
  );
  const by = { actorKind: 'operator', actor: operator } as const;
  const entries: AuditEntry[] = cast.flatMap(({ uuid, part, master }) => [
    ...(part === 'pending' ? [] : [{ ...by, at: createdAt, action: 'device.registered', subject: uuid }]),
    ...(master === undefined
      ? []
      : [{ ...by, at: createdAt, action: 'device.paired', subject: uuid, after: { master } }]),
    ...(part === 'revoked'
      ? [{ ...by, at: new Date(nowMs - REVOKED_FOR_MS), action: 'device.revoked', subject: uuid }]
      : []),
  ]);
  await writeAudit(tx, ...entries);
}

/** When the newest record of each device was received, Unix milliseconds. */
async function lastRecords(tx: Queryable, cast: readonly DemoDevice[]): Promise<Map<string, number>> {
  const rows = await tx.execute<{ id: string; ms: string }>(sql`
    select device_id as id, (extract(epoch from last_received_at) * 1000)::bigint as ms
    from telemetry_devices
    where last_received_at is not null
      and device_id = any(${arrayLiteral(cast.map(({ uuid }) => uuid))}::uuid[])`);
  return new Map(rows.map(({ id, ms }) => [id, Number(ms)]));
}
