import { sql } from 'drizzle-orm';
import type { Database, Queryable } from '../../platform/db/client.ts';
import { inTransaction } from '../../platform/db/transaction.ts';
import type { Logger } from '../../platform/logger.ts';
import { evaluate, type StoredRecord } from './evaluate-records.ts';
import { holdRuleBook, type RuleBook } from './rule-book.ts';

const DEVICES_AT_ONCE = 20;
const MAX_RECORDS = 500;

/** Notes, in the transaction that stores them, records on which the evaluation failed as a whole. */
export async function noteSkipped(tx: Queryable, records: readonly StoredRecord[]): Promise<void> {
  const rows = [...Map.groupBy(records, ({ deviceId }) => deviceId)].map(([device, ofDevice]) => ({
    device,
    received: Math.min(...ofDevice.map(({ receivedUs }) => receivedUs)),
  }));
  await tx.execute(sql`
    insert into alert_unevaluated as known (device_id, received)
    select device, timestamptz 'epoch' + received * interval '1 microsecond'
    from json_to_recordset(${JSON.stringify(rows)}::json) as row (device uuid, received bigint)
    on conflict (device_id) do update set received = least(known.received, excluded.received)`);
}

/** Evaluates such records rule by rule, so that only what failed is left out. */
export async function evaluateSkipped(
  { db, log }: { readonly db: Database; readonly log: Logger },
  book: RuleBook,
): Promise<void> {
  const marks = await db.execute<{ device: string; received: string }>(sql`
    select device_id as device, received::text as received from alert_unevaluated limit ${DEVICES_AT_ONCE}`);
  for (const { device, received } of marks) {
    const records = await readSince(db, device, received);
    for (const id of book.rules.keys()) {
      await inTransaction(db, async (tx) => {
        const rule = (await holdRuleBook(tx, book)).rules.get(id);
        if (rule) await evaluate(tx, [rule], records);
      }).catch((error: unknown) =>
        log.error({ err: error, rule: id, deviceId: device }, 'alert rule could not be evaluated'),
      );
    }
    await db.execute(sql`
      delete from alert_unevaluated where device_id = ${device}::uuid and received = ${received}::timestamptz`);
  }
}

async function readSince(db: Queryable, device: string, received: string): Promise<StoredRecord[]> {
  const rows = await db.execute<{ at: string; received: string; data: string }>(sql`
    select (extract(epoch from record.at) * 1000000)::bigint as at,
      (extract(epoch from record.received) * 1000000)::bigint as received, record.data::text as data
    from telemetry as record join telemetry_devices as known on known.key = record.device
    where known.device_id = ${device}::uuid and record.received >= ${received}::timestamptz
      and record.at >= ${received}::timestamptz - interval '1 hour'
    order by record.received limit ${MAX_RECORDS}`);
  return rows.map((row) => ({
    deviceId: device,
    atUs: Number(row.at),
    receivedUs: Number(row.received),
    body: JSON.parse(row.data),
  }));
}
