import { eq, sql } from 'drizzle-orm';
import type { DeviceRole, DeviceState } from '../../../contract/roles.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Database } from '../../platform/db/client.ts';
import { devices } from '../../platform/db/schema.ts';
import { withDeadline } from '../../platform/deadline.ts';

/** What the device-side routes need to know of a device. */
export interface DeviceRecord {
  readonly id: string;
  readonly role: DeviceRole;
  readonly state: DeviceState;
  readonly generation: number;
}

export interface NewDevice {
  readonly id: string;
  readonly role: DeviceRole;
  readonly state: DeviceState;
  readonly createdAt: Date;
  /** Where the request came from, for the audit log. */
  readonly address: string;
  readonly requestId: string;
}

export interface DeviceStore {
  find(id: string): Promise<DeviceRecord | undefined>;
  register(device: NewDevice, maxPerHour: number): Promise<DeviceRecord | undefined>;
}

const record = { id: devices.id, role: devices.role, state: devices.state, generation: devices.generation };

/** How long a request waits for a statement: a database that hangs is one that cannot be reached. */
const ANSWER_LIMIT_MS = 4_000;

/** The device table. `find` is the one statement of the hot path, prepared once per connection. */
export function createDeviceStore(db: Database, clock: Clock): DeviceStore {
  const byId = db
    .select(record)
    .from(devices)
    .where(eq(devices.id, sql.placeholder('id')))
    .prepare('device_by_id');

  return {
    async find(id) {
      const [device] = await withDeadline(clock, ANSWER_LIMIT_MS, byId.execute({ id }));
      return device;
    },

    /**
     * Registers a device that registers itself, in one statement with its place in the hourly quota and its line in the
     * audit log. One that was deleted starts above its old generations.
     *
     * @returns nothing when the id is taken already or the quota of the hour is used up; `find` tells which.
     */
    async register(device, maxPerHour) {
      const createdAt = device.createdAt.toISOString();
      const statement = db.execute<{
        id: string;
        role: DeviceRole;
        state: DeviceState;
        generation: number;
      }>(sql`
        with place as (
          insert into quotas as q (name, window_start, used)
          values ('registrations', date_trunc('hour', ${createdAt}::timestamptz), 1)
          on conflict (name) do update set
            used = case when q.window_start < excluded.window_start then 1 else q.used + 1 end,
            window_start = greatest(q.window_start, excluded.window_start)
          where q.window_start < excluded.window_start or q.used < ${maxPerHour}
          returning 1
        )
        , registered as (
          insert into devices (id, role, state, created_at, generation)
          select ${device.id}::uuid, ${device.role}::device_role, ${device.state}::device_state,
            ${createdAt}::timestamptz,
            coalesce((select generation + 1 from retired_devices where id = ${device.id}::uuid), 1)
          from place
          on conflict (id) do nothing
          returning id, role, state, generation
        ), audited as (
          insert into audit_log (at, actor_kind, actor, address, request_id, action, subject, after)
          select ${createdAt}::timestamptz, 'device', id, ${device.address}, ${device.requestId}, 'device.registered', id,
            jsonb_build_object('role', role, 'state', state, 'generation', generation)
          from registered
        )
        select id, role, state, generation from registered`);
      const rows = await withDeadline(clock, ANSWER_LIMIT_MS, statement);
      return rows[0];
    },
  };
}
