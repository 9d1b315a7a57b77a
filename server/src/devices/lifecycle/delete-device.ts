import { eq, sql } from 'drizzle-orm';
import type { Removal } from '../../../contract/api/devices.ts';
import { type AuditEntry, writeAudit } from '../../audit/audit.ts';
import type { Queryable } from '../../platform/db/client.ts';
import { retiredDevices } from '../../platform/db/schema.ts';
import { inTransaction } from '../../platform/db/transaction.ts';
import { unpairAgents } from '../agents.ts';
import { type ChangeDeps, type ChangeRequest, unknownDevice } from '../change-device.ts';
import { auditView, type DeviceRow, lockDevice, removeDevice } from '../device.ts';
import { banGeneration } from './generation.ts';

const AUDIT_BATCH = 1_000;

/**
 * Removes a device and undoes its pairings. Its generation and key number are kept, so that its tokens and replaced keys stay
 * invalid when it registers again. Repeated, it changes nothing.
 *
 * @throws AppError `not_found` for a device that never existed, `precondition_failed`.
 */
export async function deleteDevice(deps: ChangeDeps, id: string, request: ChangeRequest): Promise<Removal> {
  const enqueued = await inTransaction(deps.db, async (tx) => {
    const before = await lockDevice(tx, id);
    if (!before) {
      if (!(await isRetired(tx, id))) throw unknownDevice(id);
      return await deps.changes.enqueue(tx, [id], 'device.deleted');
    }
    request.checkVersion(before.version);
    const agents = before.role === 'master' ? await unpairAgents(tx, id) : [];
    if (before.state !== 'pending') await retire(tx, deps, before);
    await removeDevice(tx, id);
    const entries: AuditEntry[] = [
      { ...request.origin, action: 'device.deleted', subject: id, before: auditView(before) },
      ...agents.map((agent) => ({
        ...request.origin,
        action: 'device.unpaired',
        subject: agent,
        before: { master: id },
        after: { master: null },
      })),
    ];
    for (let at = 0; at < entries.length; at += AUDIT_BATCH) {
      await writeAudit(tx, ...entries.slice(at, at + AUDIT_BATCH));
    }
    const others = before.masterId === null ? agents : [before.masterId];
    return await deps.changes.enqueue(tx, [id, ...others], 'device.deleted');
  });
  return { removed: id, receipt: await deps.changes.flush(enqueued) };
}

async function isRetired(tx: Queryable, id: string): Promise<boolean> {
  const [row] = await tx
    .select({ id: retiredDevices.id })
    .from(retiredDevices)
    .where(eq(retiredDevices.id, id));
  return row !== undefined;
}

async function retire(tx: Queryable, deps: ChangeDeps, device: DeviceRow): Promise<void> {
  await banGeneration(tx, deps, device);
  await tx
    .insert(retiredDevices)
    .values({ id: device.id, generation: device.generation, keyNumber: device.keyNumber })
    .onConflictDoUpdate({
      target: retiredDevices.id,
      set: {
        generation: sql`greatest(${retiredDevices.generation}, excluded.generation)`,
        keyNumber: sql`greatest(${retiredDevices.keyNumber}, excluded.key_number)`,
      },
    });
}
