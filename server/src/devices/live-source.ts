import { and, notExists, sql } from 'drizzle-orm';
import type { DeviceEvent } from '../../contract/api/events.ts';
import { changedSince } from '../platform/db/changes-since.ts';
import type { Queryable } from '../platform/db/client.ts';
import { markedChanges } from '../platform/db/marked-changes.ts';
import { devices, retiredDevices } from '../platform/db/schema.ts';
import type { LiveSource } from '../platform/live-source.ts';

/** Devices that were registered, changed or deleted. */
export const deviceSource: LiveSource = {
  kind: 'device',
  since: (tx, cursor, limit) =>
    markedChanges(tx, cursor, async (snapshot) => {
      const changed = await changedDevices(tx, snapshot, limit);
      const deleted = await deletedDevices(tx, snapshot, limit);
      return [...deleted, ...changed].slice(0, limit + 1).map((data) => ({ name: 'device', data }));
    }),
};

async function changedDevices(tx: Queryable, snapshot: string, limit: number): Promise<DeviceEvent[]> {
  return await tx
    .select({
      device: devices.id,
      state: devices.state,
      role: devices.role,
      name: devices.name,
      version: devices.version,
    })
    .from(devices)
    .where(changedSince(devices.changedBy, snapshot))
    .orderBy(devices.changedBy)
    .limit(limit + 1);
}

/** Those that registered again since are not among them. */
async function deletedDevices(tx: Queryable, snapshot: string, limit: number): Promise<DeviceEvent[]> {
  const rows = await tx
    .select({ device: retiredDevices.id })
    .from(retiredDevices)
    .where(
      and(
        changedSince(retiredDevices.changedBy, snapshot),
        notExists(
          tx.select({ id: devices.id }).from(devices).where(sql`${devices.id} = ${retiredDevices.id}`),
        ),
      ),
    )
    .limit(limit + 1);
  return rows.map(({ device }) => ({ device, state: 'deleted', role: null, name: null, version: null }));
}
