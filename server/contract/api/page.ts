import { z } from 'zod';

const MAX_PAGE = 200;
const DEFAULT_PAGE = 50;

/** Longer lists are counted up to here. */
export const MAX_TOTAL = 100_000;

/** The query parameter `limit` of every list. */
export const pageLimit = z.coerce
  .number()
  .int()
  .min(1)
  .max(MAX_PAGE)
  .default(DEFAULT_PAGE)
  .describe('Maximum number of items');

/** The body of a page of `item`s. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({
    items: z.array(item),
    next: z.string().nullable().describe('Cursor of the next page; null on the last'),
  });
}

/** The body of a page of a list that is counted. */
export function countedPageOf<Item extends z.ZodType>(item: Item) {
  return pageOf(item).extend({
    total: z
      .int()
      .max(MAX_TOTAL)
      .describe(`Items on all pages together; ${MAX_TOTAL} stands for that many or more`),
  });
}
