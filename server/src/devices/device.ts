import { eq, type SQL, sql } from 'drizzle-orm';
import type { Receipt } from '../../contract/api/broker.ts';
import type { ChangeAnswer, Device } from '../../contract/api/devices.ts';
import { oneOf, type Queryable } from '../platform/db/client.ts';
import { devices, retiredDevices } from '../platform/db/schema.ts';

export interface ChangeOutcome {
  readonly device: DeviceRow;
  readonly receipt: Receipt;
}

/** The columns of a device without what is counted or reported by the broker. */
const ownColumns = {
  id: devices.id,
  role: devices.role,
  state: devices.state,
  generation: devices.generation,
  keyNumber: devices.keyNumber,
  masterId: devices.masterId,
  name: devices.name,
  notes: devices.notes,
  tags: devices.tags,
  version: devices.version,
  createdAt: devices.createdAt,
  lastSeenAt: devices.lastSeenAt,
  connectedAt: devices.connectedAt,
};

/** Names written out: Drizzle would leave the table's name out, and `id` would be the agent's. */
const agentCount: SQL<number | null> = sql`
  case when devices.role = 'master'
  then (select count(*)::int from devices as agent where agent.master_id = devices.id) end`;

/** Everything that a device is answered from. */
export const deviceColumns = { ...ownColumns, agents: agentCount };

export type DeviceRow = Pick<typeof devices.$inferSelect, keyof typeof ownColumns> & {
  readonly agents: number | null;
};

export function toDeviceAnswer(row: DeviceRow): Device {
  return {
    id: row.id,
    role: row.role,
    state: row.state,
    generation: row.generation,
    keyNumber: row.keyNumber,
    name: row.name,
    notes: row.notes,
    tags: row.tags,
    master: row.masterId,
    agents: row.agents,
    online: row.connectedAt !== null,
    connectedAt: row.connectedAt?.toISOString() ?? null,
    lastSeenAt: row.lastSeenAt?.toISOString() ?? null,
    createdAt: row.createdAt.toISOString(),
    version: row.version,
  };
}

export function toChangeAnswer(outcome: ChangeOutcome): ChangeAnswer {
  return { device: toDeviceAnswer(outcome.device), receipt: outcome.receipt };
}

/** What the audit log keeps of a device. */
export function auditView(row: DeviceRow): Record<string, unknown> {
  return {
    role: row.role,
    state: row.state,
    generation: row.generation,
    keyNumber: row.keyNumber,
    master: row.masterId,
    name: row.name,
    notes: row.notes,
    tags: row.tags,
  };
}

export async function findDevice(db: Queryable, id: string): Promise<DeviceRow | undefined> {
  const [row] = await db.select(deviceColumns).from(devices).where(eq(devices.id, id));
  return row;
}

/**
 * Reads a device and locks its row until the transaction ends. A transaction that locks several takes masters before
 * agents and each of them by id, so that two never wait for each other.
 */
export async function lockDevice(tx: Queryable, id: string): Promise<DeviceRow | undefined> {
  const [row] = await tx.select(deviceColumns).from(devices).where(eq(devices.id, id)).for('update');
  return row;
}

type Changeable = 'state' | 'generation' | 'keyNumber' | 'masterId' | 'name' | 'notes' | 'tags';

/** Changes a locked device and raises its version. */
export async function updateDevice(
  tx: Queryable,
  id: string,
  values: Partial<Pick<DeviceRow, Changeable>>,
): Promise<void> {
  await tx
    .update(devices)
    .set({ ...values, version: sql`${devices.version} + 1` })
    .where(eq(devices.id, id));
}

/** The number of the key that a deleted device starts with when it registers again; 0 of one that never existed. */
export async function retiredKeyNumber(db: Queryable, id: string): Promise<number> {
  const [row] = await db
    .select({ keyNumber: retiredDevices.keyNumber })
    .from(retiredDevices)
    .where(eq(retiredDevices.id, id));
  return row?.keyNumber ?? 0;
}

export async function removeDevice(tx: Queryable, id: string): Promise<void> {
  await tx.delete(devices).where(eq(devices.id, id));
}

/** Role and state of those devices that exist, by id. */
export async function readRolesAndStates(
  db: Queryable,
  ids: readonly string[],
): Promise<Map<string, Pick<DeviceRow, 'role' | 'state'>>> {
  const rows = await db
    .select({ id: devices.id, role: devices.role, state: devices.state })
    .from(devices)
    .where(oneOf(devices.id, ids));
  return new Map(rows.map(({ id, role, state }) => [id, { role, state }]));
}
