import { eq, sql } from 'drizzle-orm';
import type { AuditOrigin } from '../audit/audit.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/client.ts';
import { devices } from '../platform/db/schema.ts';
import { withDeadline } from '../platform/deadline.ts';
import { hourlyQuota } from '../platform/quota.ts';
import { type DeviceRecord, type NewDevice, registerDevices } from './registration.ts';

export interface DeviceStore {
  find(id: string): Promise<DeviceRecord | undefined>;
  /** The number of a device's key, deleted or not; 0 of one that never existed. */
  findKeyNumber(id: string): Promise<number>;
  /**
   * Registers a device that registers itself.
   *
   * @returns nothing when the id is taken or the quota of the hour is used up; `find` tells which.
   */
  register(device: NewDevice, origin: AuditOrigin, maxPerHour: number): Promise<DeviceRecord | undefined>;
}

const record = {
  id: devices.id,
  role: devices.role,
  state: devices.state,
  generation: devices.generation,
  keyNumber: devices.keyNumber,
};

/** How long a request waits for a statement: a database that hangs counts as unreachable. */
const ANSWER_LIMIT_MS = 4_000;

/** The devices as firmware reaches them. `find` is the one statement of the hot path, prepared once per connection. */
export function createDeviceStore(db: Database, clock: Clock): DeviceStore {
  const byId = db
    .select(record)
    .from(devices)
    .where(eq(devices.id, sql.placeholder('id')))
    .prepare('device_by_id');

  return {
    async find(id) {
      const [device] = await withDeadline(clock, ANSWER_LIMIT_MS, byId.execute({ id }), 'the database');
      return device;
    },
    async findKeyNumber(id) {
      const numbers = db.execute<{ number: number }>(sql`
        select coalesce(
          (select key_number from devices where id = ${id}::uuid),
          (select key_number from retired_devices where id = ${id}::uuid), 0) as number`);
      return (await withDeadline(clock, ANSWER_LIMIT_MS, numbers, 'the database'))[0]?.number ?? 0;
    },
    async register(device, origin, maxPerHour) {
      const quota = hourlyQuota('registrations', maxPerHour, origin.at);
      const registered = registerDevices(db, [device], origin, quota);
      return (await withDeadline(clock, ANSWER_LIMIT_MS, registered, 'the database'))[0];
    },
  };
}
