import { eq, type SQL, sql } from 'drizzle-orm';
import {
  type CommandGroupRequest,
  MAX_GROUP_DEVICES,
  type Refusal,
} from '../../../contract/api/command-groups.ts';
import type { DeviceState } from '../../../contract/roles.ts';
import { type AuditOrigin, writeAudit } from '../../audit/audit.ts';
import type { Database, Queryable } from '../../platform/db/client.ts';
import { oneOf } from '../../platform/db/client.ts';
import { commandGroups, devices } from '../../platform/db/schema.ts';
import { inTransaction } from '../../platform/db/transaction.ts';
import { AppError } from '../../platform/errors.ts';
import type { Random } from '../../platform/random.ts';
import { commandId, commandMessage, hashRequest, keyOfAnother, MAX_OPEN } from '../request.ts';
import { type GroupRow, groupByKey } from './store.ts';

interface CreateGroupDeps {
  readonly db: Database;
  readonly random: Random;
}

type Target = CommandGroupRequest['target'];

/**
 * Queues a command for each device of a target, in one transaction: those that can take none are refused with a reason. A
 * request with the idempotency key of an earlier one changes nothing.
 *
 * @returns the devices whose commands were queued.
 * @throws AppError `conflict` for a target of no device, or of more than 10,000; `validation_failed` for a message that is
 * too large, or a key that was used for another group.
 */
export function createGroup(
  { db, random }: CreateGroupDeps,
  request: CommandGroupRequest,
  key: string | undefined,
  origin: AuditOrigin,
): Promise<{ readonly group: GroupRow; readonly created: boolean; readonly deviceIds: readonly string[] }> {
  const { c, a, expiry, target } = request;
  const write = commandMessage(request);
  const requestHash = hashRequest([c, a ?? null, expiry, target]);
  return inTransaction(db, async (tx) => {
    const id = commandId(random);
    const [added] = await tx
      .insert(commandGroups)
      .values({
        id,
        name: c,
        target: 'devices' in target ? { devices: target.devices.length } : target,
        idempotencyKey: key ?? null,
        requestHash,
        createdBy: origin.actor,
        expiresAt: sql`now() + make_interval(secs => ${expiry})`,
        total: 0,
        refused: [],
      })
      // Waits for the transaction of the same request, if there is one.
      .onConflictDoNothing({ target: commandGroups.idempotencyKey })
      .returning({ id: commandGroups.id });
    if (!added) {
      const known = key === undefined ? undefined : await groupByKey(tx, key);
      if (known?.requestHash !== requestHash) throw keyOfAnother();
      return { group: known, created: false, deviceIds: [] };
    }
    const { ready, refused } = await chooseDevices(tx, target);
    const rows = ready.map((device) => {
      const command = commandId(random);
      return { id: command, device, payload: write(command) };
    });
    await insertCommands(tx, { group: id, c, requestHash, rows }, origin);
    const [group] = await tx
      .update(commandGroups)
      .set({ total: rows.length, refused })
      .where(eq(commandGroups.id, id))
      .returning();
    if (!group) throw new Error('the command group was not inserted');
    await writeAudit(tx, {
      ...origin,
      action: 'command_group.queued',
      subject: id,
      after: { c, target: group.target, commands: rows.length, refused: refused.length },
    });
    return { group, created: true, deviceIds: ready };
  });
}

/** Locks the devices of a target, and finds out which of them can take a command. */
async function chooseDevices(
  tx: Queryable,
  target: Target,
): Promise<{ readonly ready: readonly string[]; readonly refused: readonly Refusal[] }> {
  const found = await tx
    .select({ id: devices.id, state: devices.state })
    .from(devices)
    .where(ofTarget(target))
    .orderBy(devices.role, devices.id)
    .limit(MAX_GROUP_DEVICES + 1)
    .for('update');
  if (found.length > MAX_GROUP_DEVICES) {
    throw new AppError('conflict', `The target has more than ${MAX_GROUP_DEVICES} devices.`);
  }
  const named = 'devices' in target ? target.devices : [];
  if (found.length === 0 && named.length === 0) throw new AppError('conflict', 'The target has no device.');
  const full = await devicesWithFullQueue(
    tx,
    found.map(({ id }) => id),
  );
  const known = new Set(found.map(({ id }) => id));
  const ready: string[] = [];
  const refused: Refusal[] = named
    .filter((id) => !known.has(id))
    .map((device) => ({ device, reason: 'unknown' }));
  for (const { id, state } of found) {
    const reason = refusal(state, full.has(id));
    if (reason) refused.push({ device: id, reason });
    else ready.push(id);
  }
  return { ready, refused };
}

function refusal(state: DeviceState, isFull: boolean): Refusal['reason'] | undefined {
  if (state !== 'active') return state;
  return isFull ? 'queue_full' : undefined;
}

function ofTarget(target: Target): SQL | undefined {
  if ('tag' in target) return sql`${devices.tags} @> array[${target.tag}]::text[]`;
  if ('master' in target) return eq(devices.masterId, target.master);
  return oneOf(devices.id, target.devices);
}

async function devicesWithFullQueue(tx: Queryable, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await tx.execute<{ id: string }>(sql`
    select device_id as id from commands
    where state in ('queued', 'sent')
      and device_id in (select value::uuid from json_array_elements_text(${JSON.stringify(ids)}::json))
    group by device_id having count(*) >= ${MAX_OPEN}`);
  return new Set(rows.map(({ id }) => id));
}

interface NewCommands {
  readonly group: string;
  readonly c: string;
  readonly requestHash: string;
  readonly rows: readonly { readonly id: string; readonly device: string; readonly payload: string }[];
}

/** With an entry in the audit log for each device, like a command of its own. */
async function insertCommands(
  tx: Queryable,
  { group, c, requestHash, rows }: NewCommands,
  origin: AuditOrigin,
): Promise<void> {
  await tx.execute(sql`
    with queued as (
      insert into commands (id, device_id, group_id, name, payload, request_hash, created_by, expires_at)
      select row.id, device, ${group}, ${c}, payload, ${requestHash}, ${origin.actor}, expires_at
      from json_to_recordset(${JSON.stringify(rows)}::json) as row (id text, device uuid, payload text),
        command_groups where command_groups.id = ${group}
      returning id, device_id)
    insert into audit_log (at, actor_kind, actor, address, request_id, action, subject, after)
    select ${origin.at.toISOString()}::timestamptz, ${origin.actorKind}::actor_kind, ${origin.actor},
      ${origin.address ?? null}::text, ${origin.requestId ?? null}::text, 'command.queued', device_id,
      jsonb_build_object('command', id, 'c', ${c}::text, 'group', ${group}::text)
    from queued`);
}
