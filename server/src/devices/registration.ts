import { type SQL, sql } from 'drizzle-orm';
import type { DeviceRole, DeviceState } from '../../contract/roles.ts';
import type { AuditOrigin } from '../audit/audit.ts';
import type { Queryable } from '../platform/db/client.ts';

/** What the routes of firmware need to know of a device. */
export interface DeviceRecord {
  readonly id: string;
  readonly role: DeviceRole;
  readonly state: DeviceState;
  readonly generation: number;
  readonly keyNumber: number;
}

export interface NewDevice {
  readonly id: string;
  readonly role: DeviceRole;
  readonly state: 'active' | 'pending';
  readonly name?: string;
  readonly notes?: string;
  readonly tags?: readonly string[];
}

/**
 * Registers those devices that do not exist, in one statement with their entries in the audit log. One that was deleted
 * starts above its old generations, with its last key. Of several with the same id the first counts.
 *
 * @param quota `hourlyQuota`, for a single device: without a place in it nothing is registered.
 * @returns the devices that were registered.
 */
export async function registerDevices(
  db: Queryable,
  given: readonly NewDevice[],
  origin: AuditOrigin,
  quota: SQL = sql`select 1`,
): Promise<DeviceRecord[]> {
  const at = origin.at.toISOString();
  const rows = given.map(({ id, role, state, name = '', notes = '', tags = [] }, position) => {
    return { position, id, role, state, name, notes, tags };
  });
  return await db.execute<DeviceRecord & Record<string, unknown>>(sql`
    with place as (${quota}), given as (
      select * from json_to_recordset(${JSON.stringify(rows)}::json) as given
        (position int, id uuid, role device_role, state device_state, name text, notes text, tags text[])
    ), registered as (
      insert into devices (id, role, state, name, notes, tags, created_at, generation, key_number)
      select given.id, given.role, given.state, given.name, given.notes, given.tags, ${at}::timestamptz,
        coalesce((select generation + 1 from retired_devices where retired_devices.id = given.id), 1),
        coalesce((select key_number from retired_devices where retired_devices.id = given.id), 0)
      from given, place order by given.id, given.position
      on conflict (id) do nothing
      returning id, role, state, generation, key_number, name, notes, tags
    ), audited as (
      insert into audit_log (at, actor_kind, actor, address, request_id, action, subject, after)
      select ${at}::timestamptz, ${origin.actorKind}::actor_kind, ${origin.actor}, ${origin.address ?? null}::text,
        ${origin.requestId ?? null}::text, 'device.registered', id,
        jsonb_build_object('role', role, 'state', state, 'generation', generation, 'name', name, 'notes', notes,
          'tags', tags)
      from registered
    )
    select id, role, state, generation, key_number as "keyNumber" from registered`);
}
