import { plainText } from './text.ts';

/** A time zone of the IANA database. */
export const timeZone = plainText(64).refine(isTimeZone, {
  message: 'is no time zone of the IANA database',
  abort: true,
});

/** Whether a name is a time zone of the IANA database, which PostgreSQL has too. */
export function isTimeZone(name: string): boolean {
  try {
    // Offsets such as +02:00 mean the opposite to PostgreSQL.
    return /^[A-Za-z]/.test(name) && Boolean(new Intl.DateTimeFormat('en-US', { timeZone: name }));
  } catch {
    return false;
  }
}
