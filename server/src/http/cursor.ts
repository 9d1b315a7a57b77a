import { z } from 'zod';

const MAX_CURSOR_CHARACTERS = 1_024;

/**
 * The query parameter `cursor`: where the page before ended, as `cutPage` wrote it. Its content comes back from
 * clients, so `position` validates it; let it name the sort order where a list has several.
 */
export function cursor<Position extends z.ZodType>(position: Position) {
  return z
    .string()
    .max(MAX_CURSOR_CHARACTERS)
    .transform((text, context): unknown => {
      try {
        return JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
      } catch {
        context.addIssue({ code: 'custom', message: 'is not a cursor' });
        return z.NEVER;
      }
    })
    .pipe(position)
    .optional()
    .meta({ description: '`next` of the page before; without it the list starts at its beginning' });
}

/** Writes a position as an opaque cursor. */
function encodeCursor(position: unknown): string {
  return Buffer.from(JSON.stringify(position), 'utf8').toString('base64url');
}

/**
 * Cuts a page off rows that were read with one more than `limit`, which tells whether there is another page.
 *
 * @param position of the last row of the page, as the cursor of the next one carries it.
 */
export function cutPage<Row>(
  rows: readonly Row[],
  limit: number,
  position: (last: Row) => unknown,
): { readonly rows: readonly Row[]; readonly next: string | null } {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return {
    rows: page,
    next: rows.length > limit && last !== undefined ? encodeCursor(position(last)) : null,
  };
}
