import { sql } from 'drizzle-orm';
import type { Queryable } from '../../platform/db/client.ts';
import { oneOf } from '../../platform/db/client.ts';
import { devices } from '../../platform/db/schema.ts';
import { MAX_AHEAD_SECONDS } from '../../telemetry/ingest/record.ts';
import type { Rule } from '../rules/rule.ts';
import { advance, type Step } from './advance.ts';
import { decide, type Watch } from './decide.ts';
import { holdRuleBook, type RuleBook } from './rule-book.ts';
import { pairKey, readStandings, type Standing } from './standing.ts';
import { isLate, type Sample } from './threshold.ts';

/** A record that was stored. Times are Unix microseconds. */
export interface StoredRecord {
  readonly deviceId: string;
  readonly atUs: number;
  readonly receivedUs: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** How many more records of a device are known to be lost; negative where some arrived late. */
export type Losses = ReadonlyMap<string, { readonly lost: number }>;

export type EvaluateRecords = (
  tx: Queryable,
  records: readonly StoredRecord[],
  losses: Losses,
) => Promise<void>;

/**
 * Evaluates the rules for records in the transaction that stores them: thresholds, and the return of missing data. While
 * nothing changes this reads and writes nothing but what keeps the timers ahead.
 */
export function createRecordEvaluation(): EvaluateRecords {
  let book: RuleBook | undefined;

  return async (tx, records, losses) => {
    await noteLosses(tx, losses);
    book = await holdRuleBook(tx, book);
    await evaluate(tx, book.rules.values(), records);
  };
}

/** Evaluates rules for records that are stored. */
export async function evaluate(
  tx: Queryable,
  rules: Iterable<Rule>,
  records: readonly StoredRecord[],
): Promise<void> {
  const watches = await inScope(tx, collectWatches(rules, records));
  if (watches.length === 0) return;
  const known = await readStandings(tx, watches);
  const moving = watches.filter((watch) => decide(watch, known.get(pairKey(watch))).length > 0);
  if (moving.length === 0) return;
  // Timers may fire meanwhile: decided again with what nobody else can change any more.
  const locked = await readStandings(tx, moving, true);
  const newest = await readNewest(tx, moving);
  const steps = moving.flatMap((watch) => {
    const key = pairKey(watch);
    return toSteps(watch, locked.get(key), newest.get(key));
  });
  await advance(tx, steps);
}

async function noteLosses(tx: Queryable, losses: Losses): Promise<void> {
  const rows = [...losses].flatMap(([device, { lost }]) => (lost === 0 ? [] : [{ device, lost }]));
  if (rows.length === 0) return;
  await tx.execute(sql`
    insert into alert_losses as known (device_id, minute, lost)
    select device, date_trunc('minute', now()), lost
    from json_to_recordset(${JSON.stringify(rows)}::json) as row (device uuid, lost bigint)
    on conflict (device_id, minute) do update set lost = known.lost + excluded.lost`);
}

/** What the records hold for each rule, whether or not it watches the device. */
function collectWatches(rules: Iterable<Rule>, records: readonly StoredRecord[]): Watch[] {
  const watches: Watch[] = [];
  const byDevice = Map.groupBy(records, ({ deviceId }) => deviceId);
  for (const rule of rules) {
    const { condition, scope } = rule;
    if (condition.kind !== 'threshold' && condition.kind !== 'missing') continue;
    for (const deviceId of scope.kind === 'device' ? [scope.device] : byDevice.keys()) {
      const samples = samplesOf(rule, byDevice.get(deviceId) ?? []);
      if (samples.length > 0) watches.push({ ruleId: rule.id, deviceId, rule, samples });
    }
  }
  return watches;
}

function samplesOf({ condition }: Rule, records: readonly StoredRecord[]): Sample[] {
  return records.flatMap(({ atUs, receivedUs, body }) => {
    if (condition.kind === 'threshold') {
      const value = Object.hasOwn(body, condition.field) ? body[condition.field] : undefined;
      return typeof value === 'number' ? [{ atUs, receivedUs, value }] : [];
    }
    const counts = condition.kind === 'missing' && (!condition.field || Object.hasOwn(body, condition.field));
    return counts ? [{ atUs, receivedUs, value: 0 }] : [];
  });
}

/** Those of active devices that their rule watches. */
async function inScope(tx: Queryable, watches: readonly Watch[]): Promise<Watch[]> {
  if (watches.length === 0) return [];
  const rows = await tx
    .select({ id: devices.id, state: devices.state, tags: devices.tags })
    .from(devices)
    .where(oneOf(devices.id, [...new Set(watches.map(({ deviceId }) => deviceId))]));
  const known = new Map(rows.map((row) => [row.id, row]));
  return watches.filter(({ rule: { scope }, deviceId }) => {
    const device = known.get(deviceId);
    return device?.state === 'active' && (scope.kind !== 'tag' || device.tags.includes(scope.tag));
  });
}

/** The newest time at which a field was measured, of the records that were stored before the batch; by `pairKey`. */
async function readNewest(tx: Queryable, watches: readonly Watch[]): Promise<ReadonlyMap<string, number>> {
  const wanted = watches.flatMap(({ rule, deviceId, samples }) => {
    // What is late moves nothing: its times would have days of records read.
    const timely = samples.filter((sample) => !isLate(sample));
    if (rule.condition.kind !== 'threshold' || timely.length === 0) return [];
    return [
      {
        rule: rule.id,
        device: deviceId,
        field: rule.condition.field,
        at: Math.min(...timely.map(({ atUs }) => atUs)),
        received: Math.min(...samples.map(({ receivedUs }) => receivedUs)),
      },
    ];
  });
  if (wanted.length === 0) return new Map();
  const oldest = new Date(Math.floor(Math.min(...wanted.map(({ at }) => at)) / 1_000)).toISOString();
  const rows = await tx.execute<{ rule: string; device: string; newest: string | null }>(sql`
    select wanted.rule, wanted.device, (extract(epoch from newest) * 1000000)::bigint as newest
    from json_to_recordset(${JSON.stringify(wanted)}::json)
      as wanted (rule uuid, device uuid, field text, at bigint, received bigint)
    join telemetry_devices as known on known.device_id = wanted.device
    cross join lateral (
      select max(record.at) as newest from telemetry as record
      where record.device = known.key
        and record.at >= ${oldest}::timestamptz
        and record.at > timestamptz 'epoch' + wanted.at * interval '1 microsecond'
        and record.at <= now() + make_interval(secs => ${MAX_AHEAD_SECONDS}::int)
        and record.received < timestamptz 'epoch' + wanted.received * interval '1 microsecond'
        and jsonb_typeof(record.data -> wanted.field) = 'number'
    ) as stored
    where newest is not null`);
  return new Map(
    rows.map(({ rule, device, newest }) => [pairKey({ ruleId: rule, deviceId: device }), Number(newest)]),
  );
}

function toSteps(watch: Watch, known: Standing | undefined, newestUs: number | undefined): Step[] {
  const { rule, ruleId, deviceId } = watch;
  let from = known?.state ?? 'ok';
  return decide(watch, known, newestUs).map((to) => {
    const step = { rule, ruleId, deviceId, from, to };
    from = to.state;
    return step;
  });
}
