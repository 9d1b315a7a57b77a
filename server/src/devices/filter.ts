import { and, eq, isNotNull, isNull, or, type SQL, sql } from 'drizzle-orm';
import type { DeviceFilter } from '../../contract/api/devices.ts';
import { FLAPPING_CONNECTS } from '../../contract/api/presence.ts';
import { deviceSessions, devices } from '../platform/db/schema.ts';

/** The condition that the devices of a filter meet. */
export function matching(given: DeviceFilter): SQL | undefined {
  return and(
    given.q ? search(given.q) : undefined,
    given.role && eq(devices.role, given.role),
    given.state && eq(devices.state, given.state),
    given.online === undefined
      ? undefined
      : given.online
        ? isNotNull(devices.connectedAt)
        : isNull(devices.connectedAt),
    given.master === undefined ? undefined : withMaster(given.master),
    given.flapping ? isFlapping : undefined,
    given.tag === undefined ? undefined : sql`${devices.tags} @> array[${given.tag}]::text[]`,
  );
}

/** Whether a device had many sessions within the last 10 minutes, by the database's clock. */
export const isFlapping = sql`${devices.id} in (
  select ${deviceSessions.deviceId} from ${deviceSessions} where ${deviceSessions.notedAt} > now() - interval '10 minutes'
  group by ${deviceSessions.deviceId} having count(*) >= ${FLAPPING_CONNECTS})`;

function withMaster(master: string): SQL | undefined {
  if (master !== 'none') return eq(devices.masterId, master);
  return and(eq(devices.role, 'agent'), isNull(devices.masterId));
}

function search(text: string): SQL | undefined {
  const pattern = `%${text.replace(/[\\%_]/g, '\\$&')}%`;
  // Folded in a query of its own: a prepared statement would fold the parameter again for every row.
  return or(sql`${devices.nameFolded} like (select lower(${pattern}))`, uuidPrefix(text.toLowerCase()));
}

const UUID_FORM = 'xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx';

/** The range of UUIDs that begin with `text`, which the primary key finds; nothing where no UUID can. */
function uuidPrefix(text: string): SQL | undefined {
  const fits = [...text].every((character, at) =>
    UUID_FORM[at] === '-' ? character === '-' : UUID_FORM[at] !== undefined && /[0-9a-f]/.test(character),
  );
  if (!fits) return undefined;
  const rest = UUID_FORM.slice(text.length);
  const first = text + rest.replaceAll('x', '0');
  const last = text + rest.replaceAll('x', 'f');
  return sql`${devices.id} between ${first}::uuid and ${last}::uuid`;
}
