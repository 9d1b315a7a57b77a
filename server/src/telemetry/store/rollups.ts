import { sql } from 'drizzle-orm';
import type { Database, Queryable } from '../../platform/db/client.ts';
import { errorCode } from '../../platform/errors.ts';
import { claimMarks } from '../../platform/fenced-lease.ts';
import { INGEST_LEASE } from '../ingest/ingest.ts';
import { type DeviceHour, hourTable, writeHours } from './write-rollups.ts';

interface MarkedHour extends DeviceHour {
  readonly deviceId: string | null;
}

export interface RollUpOptions {
  /** How many runs pass before an hour that failed is tried again. A run changes it, for the next one. */
  readonly waiting?: Map<string, number>;
  /** Told of every hour that could not be rolled up. */
  readonly onFailure?: (hour: MarkedHour, error: unknown) => void;
}

/** An hour is rolled up this long after its end: most of what belongs to it has arrived by then. */
const SETTLE_MS = 120_000;
const HOUR_MS = 3_600_000;
const HOURS_PER_TRANSACTION = 200;
const RUNS_BEFORE_RETRY = 60;
/** PostgreSQL's classes for bad data, constraints, limits that a value exceeds, and data that it cannot read. */
const DATA_ERROR = /^(2[23]|54|XX)...$/;

/**
 * Rolls up the hours that are over and were marked. Marks are claimed first, in a transaction that waits for those of the
 * ingest: what arrives for an hour while it is rolled up marks it again. An hour that fails because of its data keeps its
 * mark, so that queries read its records, and holds up no other one.
 *
 * @returns how many hours of devices were rolled up.
 */
export async function rollUp(
  db: Database,
  nowMs: number,
  signal: AbortSignal,
  { waiting = new Map(), onFailure }: RollUpOptions = {},
): Promise<number> {
  await claimHours(db, new Date(Math.floor((nowMs - SETTLE_MS) / HOUR_MS) * HOUR_MS));
  const waitedFor = new Map(waiting);
  waiting.clear();

  function postpone(hour: MarkedHour, error: unknown): void {
    waiting.set(hourKey(hour), RUNS_BEFORE_RETRY);
    onFailure?.(hour, error);
  }

  let done = 0;
  let last: MarkedHour | undefined;
  for (;;) {
    const hours = await claimedHours(db, last);
    const fresh = hours.filter((hour) => !waitedFor.has(hourKey(hour)));
    const failedBefore = hours.filter((hour) => waitedFor.has(hourKey(hour)));
    signal.throwIfAborted();
    done += await rollUpHours(db, fresh, postpone);
    for (const hour of failedBefore) {
      signal.throwIfAborted();
      const runsLeft = (waitedFor.get(hourKey(hour)) ?? 0) - 1;
      if (runsLeft > 0) waiting.set(hourKey(hour), runsLeft);
      else done += await rollUpHours(db, [hour], postpone);
    }
    last = hours.at(-1);
    if (hours.length < HOURS_PER_TRANSACTION) return done;
  }
}

function hourKey({ device, ms }: DeviceHour): string {
  return `${device}/${ms}`;
}

async function claimHours(db: Database, before: Date): Promise<void> {
  await db.transaction(async (tx) => {
    await claimMarks(tx, INGEST_LEASE);
    await tx.execute(sql`
      with claimed as (
        delete from telemetry_dirty_hours where not claimed and hour < ${before.toISOString()}::timestamptz
        returning device, hour
      )
      insert into telemetry_dirty_hours (device, hour, claimed) select device, hour, true from claimed
      on conflict do nothing`);
  });
}

/** Claimed hours, those of `after` and before left out. */
async function claimedHours(db: Queryable, after: DeviceHour | undefined): Promise<MarkedHour[]> {
  const beyond = after
    ? sql`and (hour, device) > (timestamptz 'epoch' + ${after.ms}::bigint * interval '1 millisecond', ${after.device}::int)`
    : sql``;
  const rows = await db.execute<{ device: number; ms: string; id: string | null }>(sql`
    select device, (extract(epoch from hour) * 1000)::bigint as ms, device_id as id
    from telemetry_dirty_hours left join telemetry_devices on key = device
    where claimed ${beyond} order by hour, device limit ${HOURS_PER_TRANSACTION}`);
  return rows.map(({ device, ms, id }) => ({ device, ms: Number(ms), deviceId: id }));
}

/** Rolls hours up in one transaction, and in smaller and smaller ones where the data of some of them does not let it. */
async function rollUpHours(
  db: Database,
  hours: readonly MarkedHour[],
  onFailure: (hour: MarkedHour, error: unknown) => void,
): Promise<number> {
  const [only] = hours;
  if (!only) return 0;
  try {
    return await db.transaction(async (tx) => {
      const taken = await takeMarks(tx, hours);
      await writeHours(tx, taken);
      return taken.length;
    });
  } catch (error) {
    if (!DATA_ERROR.test(errorCode(error) ?? '')) throw error;
    if (hours.length === 1) {
      onFailure(only, error);
      return 0;
    }
    const middle = Math.ceil(hours.length / 2);
    const before = await rollUpHours(db, hours.slice(0, middle), onFailure);
    return before + (await rollUpHours(db, hours.slice(middle), onFailure));
  }
}

/** Removes the marks of those hours that no other instance is at. */
async function takeMarks(tx: Queryable, hours: readonly DeviceHour[]): Promise<DeviceHour[]> {
  const rows = await tx.execute<{ device: number; ms: string }>(sql`
    with taken as (
      select marked.device, marked.hour from telemetry_dirty_hours as marked join (${hourTable(hours)}) as wanted
        on marked.device = wanted.device and marked.hour = wanted.hour
      where claimed order by marked.hour, marked.device for update of marked skip locked
    )
    delete from telemetry_dirty_hours as dirty using taken
    where dirty.device = taken.device and dirty.hour = taken.hour and dirty.claimed
    returning dirty.device, (extract(epoch from dirty.hour) * 1000)::bigint as ms`);
  return rows.map(({ device, ms }) => ({ device, ms: Number(ms) }));
}
