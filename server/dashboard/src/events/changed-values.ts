import type { AuditEntry } from '../api/fleet.ts';
import { fullTime } from '../format/time.ts';

/** A time as the server writes it. */
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.]\d+Z$/;

/** What the audit log keeps of what an event changed. */
export type ChangedValues = Partial<Pick<AuditEntry, 'before' | 'after'>>;

interface Difference {
  readonly field: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** The values that an event changed, added or took away. */
export function differencesOf(values: ChangedValues): Difference[] {
  const before = values.before ?? {};
  const after = values.after ?? {};
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .map((field) => ({ field, before: shown(before[field]), after: shown(after[field]) }))
    .filter(({ before: was, after: is }) => was !== is);
}

function shown(value: unknown): string | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value === 'string' && INSTANT.test(value)) return fullTime(value);
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.join(', ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
