import { z } from 'zod';

const MAX_PAGE = 200;
const DEFAULT_PAGE = 50;

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
