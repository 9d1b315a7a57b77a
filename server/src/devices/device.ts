import { eq, type SQL, sql } from 'drizzle-orm';
import { z } from 'zod';
import { receipt } from '../broker/receipt.ts';
import { oneOf, type Queryable } from '../platform/db/client.ts';
import { deviceRole, deviceState, devices } from '../platform/db/schema.ts';

/** A device as `/api/v1` answers it. Times are RFC 3339. */
export const deviceAnswer = z
  .object({
    id: z.uuid(),
    role: z.enum(deviceRole.enumValues),
    state: z.enum(deviceState.enumValues),
    generation: z.int().describe('Raised by a rotation or restoration; tokens of older generations are dead'),
    name: z.string(),
    notes: z.string(),
    tags: z.array(z.string()),
    master: z.uuid().nullable().describe('The master that an agent is paired with; null for masters'),
    agents: z.int().nullable().describe('How many agents a master has; null for agents'),
    online: z.boolean(),
    connectedAt: z.iso.datetime().nullable().describe('When the session that is up now began'),
    lastSeenAt: z.iso.datetime().nullable(),
    createdAt: z.iso.datetime(),
    version: z.int().describe('Rises with every change by operators or pairing; the entity tag holds it'),
  })
  .meta({ id: 'Device' });

export type DeviceAnswer = z.output<typeof deviceAnswer>;

/** What every change of a device that concerns the broker answers. */
export const changeAnswer = z.object({ device: deviceAnswer, receipt });

export interface ChangeOutcome {
  readonly device: DeviceRow;
  readonly receipt: z.output<typeof receipt>;
}

/** The columns of a device without what is counted or reported by the broker. */
const ownColumns = {
  id: devices.id,
  role: devices.role,
  state: devices.state,
  generation: devices.generation,
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

export function toDeviceAnswer(row: DeviceRow): DeviceAnswer {
  return {
    id: row.id,
    role: row.role,
    state: row.state,
    generation: row.generation,
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

export function toChangeAnswer(outcome: ChangeOutcome): z.output<typeof changeAnswer> {
  return { device: toDeviceAnswer(outcome.device), receipt: outcome.receipt };
}

/** What the audit log keeps of a device. */
export function auditView(row: DeviceRow): Record<string, unknown> {
  return {
    role: row.role,
    state: row.state,
    generation: row.generation,
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

type Changeable = 'state' | 'generation' | 'masterId' | 'name' | 'notes' | 'tags';

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
