import { z } from 'zod';

/** Text of one line that PostgreSQL can keep: no control characters, no half of a surrogate pair. */
export function isPlain(text: string): boolean {
  return text.isWellFormed() && !/\p{Cc}/u.test(text);
}

/** Text of one line, to be looked up or kept as it is. */
export function plainText(maxCharacters: number) {
  return z.string().max(maxCharacters).refine(isPlain, 'must not contain control characters');
}

/** Unix milliseconds; later moments are written in another form. */
export const LATEST_MS = Date.UTC(9999, 0);

/** A point in time of RFC 3339, with any offset, within what the database can keep and print. */
export const pointInTime = z.iso
  .datetime({ offset: true, abort: true })
  .refine((text) => {
    const at = Date.parse(text);
    return at >= 0 && at < LATEST_MS;
  }, 'must be between the years 1970 and 9998')
  .transform((text) => new Date(text));
