import { sql } from 'drizzle-orm';
import type { DeviceRole } from '../../contract/roles.ts';
import type { AuditOrigin } from '../audit/audit.ts';
import type { Queryable } from '../platform/db/client.ts';

/** A device that an operator adds before it first asks for a token. */
export interface NewDevice {
  readonly id: string;
  readonly role: DeviceRole;
  readonly name: string;
  readonly notes: string;
  readonly tags: readonly string[];
}

/**
 * Inserts those devices that do not exist, active, in one statement with their lines in the audit log. One that was
 * deleted starts above its old generations. Of several with the same id the first counts.
 *
 * @returns the ids that were inserted.
 */
export async function insertDevices(
  db: Queryable,
  given: readonly NewDevice[],
  origin: AuditOrigin,
): Promise<Set<string>> {
  const at = origin.at.toISOString();
  const rows = given.map(({ id, role, name, notes, tags }, position) => {
    return { position, id, role, name, notes, tags };
  });
  const inserted = await db.execute<{ id: string }>(sql`
    with given as (
      select position, id, role, name, notes, tags from json_to_recordset(${JSON.stringify(rows)}::json)
        as given (position int, id uuid, role device_role, name text, notes text, tags text[])
    ), inserted as (
      insert into devices (id, role, state, name, notes, tags, created_at, generation)
      select given.id, given.role, 'active', given.name, given.notes, given.tags, ${at}::timestamptz,
        coalesce((select generation + 1 from retired_devices where retired_devices.id = given.id), 1)
      from given order by given.id, given.position
      on conflict (id) do nothing
      returning id, role, state, generation, name, notes, tags
    ), audited as (
      insert into audit_log (at, actor_kind, actor, address, request_id, action, subject, after)
      select ${at}::timestamptz, ${origin.actorKind}::actor_kind, ${origin.actor}, ${origin.address ?? null}::text,
        ${origin.requestId ?? null}::text, 'device.registered', id,
        jsonb_build_object('role', role, 'state', state, 'generation', generation, 'name', name, 'notes', notes,
          'tags', tags)
      from inserted
    )
    select id from inserted`);
  return new Set(inserted.map(({ id }) => id));
}
