import { plainText } from './text.ts';

/** A time zone of the IANA database. */
export const timeZone = plainText(64).refine(isTimeZone, {
  message: 'is no time zone of the IANA database',
  abort: true,
});

/** Taken out of the IANA database, and so unknown to PostgreSQL, but still known to ICU. */
const REMOVED = /^(us\/pacific-new|canada\/east-saskatchewan)$/i;

/** Whether a name is a time zone of the IANA database, which PostgreSQL has too. */
export function isTimeZone(name: string): boolean {
  try {
    // Offsets such as +02:00 mean the opposite to PostgreSQL.
    return (
      /^[A-Za-z]/.test(name) &&
      !REMOVED.test(name) &&
      Boolean(new Intl.DateTimeFormat('en-US', { timeZone: name }))
    );
  } catch {
    return false;
  }
}
