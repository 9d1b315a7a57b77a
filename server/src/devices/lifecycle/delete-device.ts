import { asc, eq, sql } from 'drizzle-orm';
import type { Removal } from '../../../contract/api/devices.ts';
import { type AuditEntry, writeAudit } from '../../audit/audit.ts';
import type { Queryable } from '../../platform/db/client.ts';
import { devices, retiredDevices } from '../../platform/db/schema.ts';
import { inTransaction } from '../../platform/db/transaction.ts';
import { type ChangeRequest, type DevicesDeps, unknownDevice } from '../change-device.ts';
import { auditView, type DeviceRow, lockDevice } from '../device.ts';
import { banGeneration } from './generation.ts';

const AUDIT_BATCH = 1_000;

/**
 * Removes a device and undoes its pairings. Its generation is kept, so that it starts above it when it registers again and
 * its tokens stay dead. Repeated, it changes nothing.
 *
 * @throws AppError `not_found` for a device that never was, `precondition_failed`.
 */
export async function deleteDevice(deps: DevicesDeps, id: string, request: ChangeRequest): Promise<Removal> {
  const enqueued = await inTransaction(deps.db, async (tx) => {
    const before = await lockDevice(tx, id);
    if (!before) {
      if (!(await isRetired(tx, id))) throw unknownDevice(id);
      return await deps.changes.enqueue(tx, [id], 'device.deleted');
    }
    request.checkVersion(before.version);
    const agents = before.role === 'master' ? await unpairAgents(tx, id) : [];
    if (before.state !== 'pending') await retire(tx, deps, before);
    await tx.delete(devices).where(eq(devices.id, id));
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

async function unpairAgents(tx: Queryable, masterId: string): Promise<string[]> {
  const locked = await tx
    .select({ id: devices.id })
    .from(devices)
    .where(eq(devices.masterId, masterId))
    .orderBy(asc(devices.id))
    .for('update');
  if (locked.length > 0) {
    await tx
      .update(devices)
      .set({ masterId: null, version: sql`${devices.version} + 1` })
      .where(eq(devices.masterId, masterId));
  }
  return locked.map(({ id }) => id);
}

async function retire(tx: Queryable, deps: DevicesDeps, device: DeviceRow): Promise<void> {
  await banGeneration(tx, deps, device);
  await tx
    .insert(retiredDevices)
    .values({ id: device.id, generation: device.generation })
    .onConflictDoUpdate({
      target: retiredDevices.id,
      set: { generation: sql`greatest(${retiredDevices.generation}, excluded.generation)` },
    });
}
