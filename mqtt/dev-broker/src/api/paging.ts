import type { Context } from 'hono';
import { validationError } from './errors.ts';

const MAX_LIMIT = 10_000;
const DEFAULT_LIMIT = 100;

export interface Page {
  page: number;
  limit: number;
}

export interface PageMeta extends Page {
  count: number;
  hasnext: boolean;
}

/** `page` from 1, `limit` from 1 to 10,000. */
export function readPage(context: Context): Page {
  return {
    page: readCount(context, 'page', 1, Number.MAX_SAFE_INTEGER),
    limit: readCount(context, 'limit', DEFAULT_LIMIT, MAX_LIMIT),
  };
}

/**
 * One page of `rows` with EMQX's `meta`; only the rows of the page are formatted. Pages are cut by number: a row that
 * leaves an earlier page moves all others between two reads.
 */
export function paginate<T, R>(
  rows: Iterable<T>,
  { page, limit }: Page,
  format: (row: T) => R,
): { data: R[]; meta: PageMeta } {
  const first = (page - 1) * limit;
  const data: R[] = [];
  let count = 0;
  for (const row of rows) {
    if (count >= first && data.length < limit) data.push(format(row));
    count++;
  }
  return { data, meta: { count, limit, page, hasnext: count > first + data.length && data.length > 0 } };
}

/** A list that was searched by a part of a name is not counted. */
export function withoutCount<R>({ data, meta }: { data: R[]; meta: PageMeta }) {
  const { count: _, ...rest } = meta;
  return { data, meta: rest };
}

function readCount(context: Context, name: string, fallback: number, max: number): number {
  const text = context.req.query(name);
  if (text === undefined) return fallback;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  const [reason, limits] = name === 'limit' ? ['range', { lower: 1, upper: max }] : ['pos_integer', {}];
  throw validationError({ path: name, reason, value: text, ...limits });
}
