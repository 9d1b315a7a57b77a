import { type SQL, sql } from 'drizzle-orm';
import { sumOfValues } from '../store/fields.ts';
import { type BucketQuery, bucketOf, bucketStart, numberOf, time } from './bucket-query.ts';

/** What a field has in the statement: one column each, since rows of one value each take twice the time. */
interface FieldColumns {
  readonly name: string;
  readonly value: SQL;
  readonly n: SQL;
  readonly sum: SQL;
  readonly least: SQL;
  readonly leastAt: SQL;
  readonly greatest: SQL;
  readonly greatestAt: SQL;
  readonly firstAt: SQL;
  readonly first: SQL;
  readonly lastAt: SQL;
  readonly last: SQL;
}

/** A part of a range: Unix milliseconds, the end not included. */
export type Part = Pick<BucketQuery, 'fromMs' | 'toMs'>;

/**
 * Buckets made of the records of a part of the range, which may cut one. Finds the extremes of each bucket, and then the records that hold one: aggregates over pairs of
 * value and time take three times as long. Times become numbers at the end, where there are few.
 */
export function recordBuckets(query: BucketQuery, part: Part): SQL {
  const fields = query.fields.map(columnsOf);
  const each = (part: (field: FieldColumns) => SQL, separator = sql`, `) =>
    sql.join(fields.map(part), separator);
  const bounds = each((f) => sql`${f.n}, ${f.sum}, ${f.least}, ${f.greatest}, ${f.firstAt}, ${f.lastAt}`);
  return sql`
    with record as materialized (
      select ${bucketOf(query, sql`at`)} as bucket, at, ${each((f) => sql`${numberOf(query, f.value)} as ${f.value}`)}
      from (
        select at, ${each((f) => sql`data -> ${f.name} as ${f.value}`)} from telemetry
        where device = ${query.device} and at >= ${time(part.fromMs)} and at < ${time(part.toMs)} offset 0
      ) as stored
    ),
    extreme as (
      select bucket, ${each(
        (f) => sql`count(${f.value}) as ${f.n}, ${sumOfValues(f.value)} as ${f.sum},
          min(${f.value}) as ${f.least}, max(${f.value}) as ${f.greatest},
          min(at) filter (where ${f.value} is not null) as ${f.firstAt},
          max(at) filter (where ${f.value} is not null) as ${f.lastAt}`,
      )}
      from record group by bucket
    ),
    complete as (
      select bucket, ${bounds}, ${each(
        (f) => sql`min(at) filter (where ${f.value} = ${f.least}) as ${f.leastAt},
          min(at) filter (where ${f.value} = ${f.greatest}) as ${f.greatestAt},
          min(${f.value}) filter (where at = ${f.firstAt}) as ${f.first},
          max(${f.value}) filter (where at = ${f.lastAt}) as ${f.last}`,
      )}
      from extreme join record using (bucket)
      where ${each((f) => sql`${f.value} in (${f.least}, ${f.greatest}) or at in (${f.firstAt}, ${f.lastAt})`, sql` or `)}
      group by bucket, ${bounds}
    )
    select field, date_part('epoch', bucket) as bucket, ${bucketStart(query, sql`bucket`, ms(sql`first_at`))} as start, n, sum,
      least, ${ms(sql`least_at`)} as least_ms, greatest, ${ms(sql`greatest_at`)} as greatest_ms,
      ${ms(sql`first_at`)} as first_ms, first, ${ms(sql`last_at`)} as last_ms, last
    from complete cross join lateral (values ${each(
      (f) => sql`(${f.name}, ${f.n}, ${f.sum}, ${f.least}, ${f.leastAt}, ${f.greatest}, ${f.greatestAt},
        ${f.firstAt}, ${f.first}, ${f.lastAt}, ${f.last})`,
    )}) as of_field (field, n, sum, least, least_at, greatest, greatest_at, first_at, first, last_at, last)
    where n > 0
    order by field, start`;
}

function ms(at: SQL): SQL {
  return sql`date_part('epoch', ${at}) * 1000`;
}

function columnsOf(name: string, index: number): FieldColumns {
  const column = (of: string) => sql`${sql.identifier(`${of}_${index}`)}`;
  return {
    name,
    value: column('value'),
    n: column('n'),
    sum: column('sum'),
    least: column('least'),
    leastAt: column('least_at'),
    greatest: column('greatest'),
    greatestAt: column('greatest_at'),
    firstAt: column('first_at'),
    first: column('first'),
    lastAt: column('last_at'),
    last: column('last'),
  };
}
