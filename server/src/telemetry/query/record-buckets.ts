import { type SQL, sql } from 'drizzle-orm';
import { type BucketQuery, bucketOf, bucketStart, time } from './bucket-query.ts';

/** What a field has in the statement: one column each, since rows of one value each take twice the time. */
interface FieldColumns {
  readonly name: string;
  readonly value: SQL;
  readonly n: SQL;
  readonly sum: SQL;
  readonly least: SQL;
  readonly leastMs: SQL;
  readonly greatest: SQL;
  readonly greatestMs: SQL;
  readonly firstMs: SQL;
  readonly first: SQL;
  readonly lastMs: SQL;
  readonly last: SQL;
}

/**
 * Buckets made of records. Finds the extremes of each bucket, and then the records that hold one: aggregates over pairs of
 * value and time take three times as long.
 */
export function recordBuckets(query: BucketQuery): SQL {
  const fields = query.fields.map(columnsOf);
  const each = (part: (field: FieldColumns) => SQL, separator = sql`, `) =>
    sql.join(fields.map(part), separator);
  const bounds = each((f) => sql`${f.n}, ${f.sum}, ${f.least}, ${f.greatest}, ${f.firstMs}, ${f.lastMs}`);
  return sql`
    with record as materialized (
      select ${bucketOf(query, sql`at`)} as bucket, date_part('epoch', at) * 1000 as ms,
        ${each((f) => sql`case when jsonb_typeof(${f.value}) = 'number' then ${f.value}::float8 end as ${f.value}`)}
      from (
        select at, ${each((f) => sql`data -> ${f.name} as ${f.value}`)} from telemetry
        where device = ${query.device} and at >= ${time(query.fromMs)} and at < ${time(query.toMs)} offset 0
      ) as stored
    ),
    extreme as (
      select bucket, ${each(
        (f) => sql`count(${f.value}) as ${f.n}, sum(${f.value}) as ${f.sum},
          min(${f.value}) as ${f.least}, max(${f.value}) as ${f.greatest},
          min(ms) filter (where ${f.value} is not null) as ${f.firstMs},
          max(ms) filter (where ${f.value} is not null) as ${f.lastMs}`,
      )}
      from record group by bucket
    ),
    complete as (
      select bucket, ${bounds}, ${each(
        (f) => sql`min(ms) filter (where ${f.value} = ${f.least}) as ${f.leastMs},
          min(ms) filter (where ${f.value} = ${f.greatest}) as ${f.greatestMs},
          min(${f.value}) filter (where ms = ${f.firstMs}) as ${f.first},
          max(${f.value}) filter (where ms = ${f.lastMs}) as ${f.last}`,
      )}
      from extreme join record using (bucket)
      where ${each((f) => sql`${f.value} in (${f.least}, ${f.greatest}) or ms in (${f.firstMs}, ${f.lastMs})`, sql` or `)}
      group by bucket, ${bounds}
    )
    select field, ${bucketStart(query, sql`bucket`, sql`first_ms`)} as start,
      n, sum, least, least_ms, greatest, greatest_ms, first_ms, first, last_ms, last
    from complete cross join lateral (values ${each(
      (f) => sql`(${f.name}, ${f.n}, ${f.sum}, ${f.least}, ${f.leastMs}, ${f.greatest}, ${f.greatestMs},
        ${f.firstMs}, ${f.first}, ${f.lastMs}, ${f.last})`,
    )}) as of_field (field, n, sum, least, least_ms, greatest, greatest_ms, first_ms, first, last_ms, last)
    where n > 0
    order by field, start`;
}

function columnsOf(name: string, index: number): FieldColumns {
  const column = (of: string) => sql`${sql.identifier(`${of}_${index}`)}`;
  return {
    name,
    value: column('value'),
    n: column('n'),
    sum: column('sum'),
    least: column('least'),
    leastMs: column('least_ms'),
    greatest: column('greatest'),
    greatestMs: column('greatest_ms'),
    firstMs: column('first_ms'),
    first: column('first'),
    lastMs: column('last_ms'),
    last: column('last'),
  };
}
