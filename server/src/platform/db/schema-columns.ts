import { customType, timestamp } from 'drizzle-orm/pg-core';

export function moment(name: string) {
  return timestamp(name, { withTimezone: true });
}

const xid8 = customType<{ data: string }>({ dataType: () => 'xid8' });

/**
 * The transaction that changed a row, set by a trigger: what has changed since a snapshot is found by it, in whichever order
 * transactions committed (`changes-since.ts`). Null before the first change.
 */
export function changeMark(name: string) {
  return xid8(name);
}
