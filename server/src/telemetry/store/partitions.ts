import type postgres from 'postgres';

/** A table that is partitioned by time, and how long a partition is. */
export interface PartitionedTable {
  readonly name: 'telemetry' | 'telemetry_rollups';
  readonly period: 'day' | 'month';
}

export const TELEMETRY: PartitionedTable = { name: 'telemetry', period: 'day' };
export const ROLLUPS: PartitionedTable = { name: 'telemetry_rollups', period: 'month' };

/** A partition: its table, and the time it covers in Unix milliseconds, the end not included. */
export interface Partition {
  readonly table: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** DDL waits for queries that run; what queries after it waits for the DDL. Better tried again than held up for long. */
const LOCK_TIMEOUT = '2s';

/** The partitions that cover `fromMs` to `toMs` (Unix milliseconds), in UTC days or months. */
function partitionsFor(table: PartitionedTable, fromMs: number, toMs: number): Partition[] {
  const partitions: Partition[] = [];
  for (let start = startOf(table.period, fromMs); start <= toMs; start = next(table.period, start)) {
    partitions.push({ table: partitionName(table, start), fromMs: start, toMs: next(table.period, start) });
  }
  return partitions;
}

/** Makes the partitions that are missing. Attaching a table does not keep anyone from reading or writing the others. */
export async function makePartitions(
  sql: postgres.Sql,
  table: PartitionedTable,
  fromMs: number,
  toMs: number,
): Promise<void> {
  const existing = new Set((await listPartitions(sql, table)).map((partition) => partition.table));
  for (const partition of partitionsFor(table, fromMs, toMs)) {
    if (existing.has(partition.table)) continue;
    await sql.begin(async (tx) => {
      await tx.unsafe(`set local lock_timeout = '${LOCK_TIMEOUT}'`);
      // Two instances may do this at the same time.
      await tx`select pg_advisory_xact_lock(hashtext(${partition.table}))`;
      const [made] = await tx`select to_regclass(${partition.table}) as name`;
      if (made?.name) return;
      await tx.unsafe(`create table ${partition.table} (like ${table.name} including defaults)`);
      await tx.unsafe(`alter table ${table.name} attach partition ${partition.table}
        for values from ('${iso(partition.fromMs)}') to ('${iso(partition.toMs)}')`);
    });
  }
}

/** Drops the partitions that end at or before `beforeMs` (Unix milliseconds). Returns their names. */
export async function dropPartitions(
  sql: postgres.Sql,
  table: PartitionedTable,
  beforeMs: number,
): Promise<string[]> {
  const expired = (await listPartitions(sql, table)).filter(({ toMs }) => toMs <= beforeMs);
  for (const { table: name } of expired) {
    const connection = await sql.reserve();
    try {
      await connection.unsafe(`set lock_timeout = '${LOCK_TIMEOUT}'`);
      // Without a lock on the whole table, in two steps; one that was broken off between them is finished.
      const [half] = await connection`
        select inhdetachpending as pending from pg_inherits where inhrelid = to_regclass(${name})`;
      if (half) {
        const how = half.pending ? 'finalize' : 'concurrently';
        await connection.unsafe(`alter table ${table.name} detach partition ${name} ${how}`);
      }
      await connection.unsafe(`drop table if exists ${name}`);
    } finally {
      await connection.unsafe('reset lock_timeout').catch(() => {});
      connection.release();
    }
  }
  return expired.map(({ table: name }) => name);
}

/** The partitions that there are, by their names; those half detached included. */
export async function listPartitions(sql: postgres.Sql, table: PartitionedTable): Promise<Partition[]> {
  const rows = await sql<{ name: string }[]>`
    select relname as name from pg_class
    where relkind = 'r' and relnamespace = 'public'::regnamespace
      and relname ~ ${`^${table.name}_\\d{${table.period === 'day' ? 8 : 6}}$`}
    order by relname`;
  return rows.map(({ name }) => {
    const digits = name.slice(table.name.length + 1);
    const fromMs = Date.UTC(
      Number(digits.slice(0, 4)),
      Number(digits.slice(4, 6)) - 1,
      table.period === 'day' ? Number(digits.slice(6, 8)) : 1,
    );
    return { table: name, fromMs, toMs: next(table.period, fromMs) };
  });
}

function partitionName({ name, period }: PartitionedTable, startMs: number): string {
  return `${name}_${iso(startMs)
    .slice(0, period === 'day' ? 10 : 7)
    .replaceAll('-', '')}`;
}

function startOf(period: PartitionedTable['period'], ms: number): number {
  const at = new Date(ms);
  return Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), period === 'day' ? at.getUTCDate() : 1);
}

function next(period: PartitionedTable['period'], startMs: number): number {
  const at = new Date(startMs);
  return period === 'day'
    ? Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate() + 1)
    : Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 1);
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
