import { eq } from 'drizzle-orm';
import { Hono } from 'hono';
import { z } from 'zod';
import { devicePath } from '../../../contract/api/devices.ts';
import {
  MAX_BUCKETS,
  telemetryAnswer,
  type telemetryBucket,
  telemetryQuery,
  type telemetryRecord,
} from '../../../contract/api/telemetry.ts';
import type { ApiEnv } from '../../http/actor.ts';
import { cursor, cutPage } from '../../http/cursor.ts';
import { describeOperation } from '../../http/describe.ts';
import { validate } from '../../http/validate.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Queryable } from '../../platform/db/client.ts';
import { devices } from '../../platform/db/schema.ts';
import { AppError } from '../../platform/errors.ts';
import { findTelemetryDevice } from '../query/find-device.ts';
import { bucketsIn, chooseInterval, madeOfHours } from '../query/interval.ts';
import { type Bucket, type Measured, readBuckets } from '../query/read-buckets.ts';
import { readFields } from '../query/read-fields.ts';
import { readRecords, type StoredRecord } from '../query/read-records.ts';

export interface TelemetryQueryDeps {
  readonly db: Queryable;
  readonly clock: Clock;
  /** How long records are kept unless a device has a time of its own. */
  readonly telemetrySeconds: number;
}

type TelemetryDevice = NonNullable<Awaited<ReturnType<typeof findTelemetryDevice>>>;

const DAY_MS = 86_400_000;
/** How far `ts` of a record may be ahead. */
const AHEAD_MS = 300_000;
/** What is answered in one piece. */
const MAX_VALUES = 40_000;

const position = z.object({
  o: z.enum(['asc', 'desc']),
  a: z.int().min(0),
  r: z.int().min(0),
});
const query = telemetryQuery.extend({ cursor: cursor(position) });

/** Records of a device, or its numeric fields in buckets. */
export function recordRoutes(deps: TelemetryQueryDeps) {
  const { db, clock } = deps;
  return new Hono<ApiEnv>().get(
    '/devices/:id/telemetry',
    describeOperation({
      id: 'queryTelemetry',
      tag: 'Telemetry',
      summary: 'Read records, or numeric fields in buckets',
      description:
        'With `buckets` or `interval`: count, mean, and first, last, least and greatest value with their times, from hourly rollups where buckets are made of whole hours. Buckets of more than an hour follow the clock of `zone`. Otherwise records, with a cursor.',
      answer: telemetryAnswer,
      problems: ['bad-request', 'not-found'],
    }),
    validate('param', devicePath),
    validate('query', query),
    async (c) => {
      const wanted = c.req.valid('query');
      const device = await telemetryOf(db, c.req.valid('param').id);
      const times = rangeOf(wanted, clock);
      if (wanted.buckets !== undefined || wanted.interval !== undefined) {
        return c.json(await answerBuckets(deps, device, wanted, times));
      }
      const from = wanted.cursor;
      if (from && from.o !== wanted.order) badRequest('cursor', 'belongs to a list in another order');
      const rows = device
        ? await readRecords(db, {
            ...times,
            device: device.key,
            order: wanted.order,
            limit: wanted.limit + 1,
            after: from && { atUs: from.a, receivedUs: from.r },
          })
        : [];
      const page = cutPage(rows, wanted.limit, (last) => ({
        o: wanted.order,
        a: last.atUs,
        r: last.receivedUs,
      }));
      const items = page.rows.map((row) => toRecordAnswer(pick(row, wanted.fields)));
      return c.json({ kind: 'records' as const, items, next: page.next });
    },
  );
}

async function answerBuckets(
  { db, clock, telemetrySeconds }: TelemetryQueryDeps,
  device: TelemetryDevice | undefined,
  { buckets = MAX_BUCKETS, interval: given, zone, fields }: z.output<typeof query>,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
) {
  const keptMs = device?.retentionDays ? device.retentionDays * DAY_MS : telemetrySeconds * 1_000;
  const recordsSinceMs = clock.now() - keptMs;
  const interval = given ?? chooseInterval({ fromMs, toMs, maxBuckets: buckets, recordsSinceMs });
  if (bucketsIn(interval, fromMs, toMs) > MAX_BUCKETS) {
    badRequest('interval', `cuts the range into more than ${MAX_BUCKETS} buckets`);
  }
  const names = fields ?? (device ? await numericFields(db, device.key) : []);
  if (names.length * bucketsIn(interval, fromMs, toMs) > MAX_VALUES) {
    badRequest('fields', `are too many for one answer: at most ${MAX_VALUES} buckets of all fields together`);
  }
  const source = madeOfHours(interval, zone, { fromMs, recordsSinceMs }) ? 'rollups' : 'records';
  const found = device
    ? await readBuckets(db, { device: device.key, fields: names, fromMs, toMs, interval, zone, source })
    : [];
  const byField = Map.groupBy(found, ({ field }) => field);
  return {
    kind: 'buckets' as const,
    interval,
    zone,
    source: source as 'records' | 'rollups',
    fields: names.map((name) => ({ name, buckets: (byField.get(name) ?? []).map(toBucketAnswer) })),
  };
}

async function numericFields(db: Queryable, device: number): Promise<string[]> {
  const fields = await readFields(db, device);
  return fields.flatMap(({ name, kind }) => (kind === 'number' ? [name] : []));
}

/**
 * What telemetry knows of a device; nothing where it has not sent any.
 *
 * @throws AppError `not_found` for a device that neither is registered nor has records.
 */
export async function telemetryOf(db: Queryable, deviceId: string): Promise<TelemetryDevice | undefined> {
  const found = await findTelemetryDevice(db, deviceId);
  if (found) return found;
  const [known] = await db.select({ id: devices.id }).from(devices).where(eq(devices.id, deviceId));
  if (!known) throw new AppError('not_found', `No device with the id ${deviceId} exists.`);
  return undefined;
}

/** The range of a query, in Unix milliseconds; the last day unless it names another one. */
export function rangeOf(
  { from, to }: { readonly from?: Date | undefined; readonly to?: Date | undefined },
  clock: Clock,
): { readonly fromMs: number; readonly toMs: number } {
  const toMs = to?.getTime() ?? clock.now() + AHEAD_MS;
  const fromMs = from?.getTime() ?? toMs - DAY_MS;
  if (fromMs >= toMs) badRequest('from', 'must be before `to`');
  return { fromMs, toMs };
}

export function badRequest(field: string, message: string): never {
  throw new AppError('bad_request', 'The request has invalid parameters.', { faults: [{ field, message }] });
}

/** The record with these fields alone; all of them where none are named. */
export function pick(record: StoredRecord, fields: readonly string[] | undefined): StoredRecord {
  if (!fields) return record;
  const data = Object.fromEntries(
    fields.flatMap((name) => (Object.hasOwn(record.data, name) ? [[name, record.data[name]]] : [])),
  );
  return { ...record, data };
}

export function toRecordAnswer({ atUs, receivedUs, data }: StoredRecord): z.output<typeof telemetryRecord> {
  return { at: isoMicroseconds(atUs), received: isoMicroseconds(receivedUs), data };
}

/** RFC 3339 with microseconds where there are any. */
export function isoMicroseconds(us: number): string {
  const text = new Date(Math.floor(us / 1_000)).toISOString();
  const rest = us % 1_000;
  return rest === 0 ? text : `${text.slice(0, -1)}${String(rest).padStart(3, '0')}Z`;
}

function toBucketAnswer({
  startMs,
  count,
  mean,
  min,
  max,
  first,
  last,
}: Bucket): z.output<typeof telemetryBucket> {
  const measured = ({ value, atMs }: Measured) => ({ value, at: new Date(atMs).toISOString() });
  return {
    at: new Date(startMs).toISOString(),
    count,
    mean,
    min: measured(min),
    max: measured(max),
    first: measured(first),
    last: measured(last),
  };
}
