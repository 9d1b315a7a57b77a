import { sql } from 'drizzle-orm';
import { arrayLiteral } from '../../platform/db/array-literal.ts';
import type { Queryable } from '../../platform/db/client.ts';
import type { NumberedStream } from './plan-batch.ts';
import { type Stream, toGaps } from './streams.ts';

/**
 * What the holder of the session remembers of the database, so that a batch does not read it again. Right for as long as
 * the lease is held, since nobody else writes it; forgotten when a transaction ends in an unknown way.
 */
export interface DeviceState {
  /** Makes keys and streams of these devices available. */
  load(db: Queryable, devices: ReadonlySet<string>, boots: ReadonlyMap<string, StreamId>): Promise<void>;
  keyOf(deviceId: string): number;
  readonly streams: {
    get(key: string): Stream | undefined;
    isFirstContact(deviceId: string): boolean;
  };
  /** Takes over what a committed batch has changed. */
  update(streams: ReadonlyMap<string, NumberedStream>): void;
  forget(): void;
}

export interface StreamId {
  readonly deviceId: string;
  readonly boot: number;
}

const MAX_REMEMBERED = 200_000;
const LOAD_ATTEMPTS = 3;

export function createDeviceState(): DeviceState {
  const keys = new Map<string, number>();
  /** `null`: looked for and not there. */
  const streams = new Map<string, Stream | null>();
  const contacted = new Set<string>();

  function forgetStreams(): void {
    streams.clear();
    contacted.clear();
  }

  async function loadKeys(db: Queryable, devices: ReadonlySet<string>): Promise<void> {
    if (keys.size > MAX_REMEMBERED) keys.clear();
    for (let attempt = 0; attempt < LOAD_ATTEMPTS; attempt++) {
      const missing = [...devices].filter((deviceId) => !keys.has(deviceId));
      if (missing.length === 0) return;
      for (const { key, id } of await findOrMakeKeys(db, missing)) keys.set(id, key);
    }
  }

  /** Only those of the batch: a device that makes up boots has millions of others. */
  async function loadStreams(db: Queryable, boots: ReadonlyMap<string, StreamId>): Promise<void> {
    // First: those of the batch are looked for again.
    if (streams.size > MAX_REMEMBERED) forgetStreams();
    const missing = [...boots].filter(([key]) => !streams.has(key));
    if (missing.length === 0) return;
    const rows = await db.execute<{
      device: number;
      boot: string;
      last_n: string | null;
      gaps: number[] | null;
      contacted: boolean;
    }>(sql`
      select device, boot, last_n, array_to_json(gaps) as gaps,
        exists (select from device_streams as other where other.device = wanted.device) as contacted
      from unnest(
        ${arrayLiteral(missing.map(([, { deviceId }]) => keyOf(deviceId)))}::int[],
        ${arrayLiteral(missing.map(([, { boot }]) => boot))}::bigint[]
      ) as wanted (device, boot)
      left join device_streams using (device, boot)`);
    const found = new Map(rows.map((row) => [`${row.device}/${row.boot}`, row]));
    for (const [key, { deviceId, boot }] of missing) {
      const row = found.get(`${keyOf(deviceId)}/${boot}`);
      if (row?.contacted) contacted.add(deviceId);
      const isKnown = row !== undefined && row.last_n !== null;
      streams.set(key, isKnown ? { lastN: Number(row.last_n), gaps: toGaps(row.gaps ?? []) } : null);
    }
  }

  function keyOf(deviceId: string): number {
    const key = keys.get(deviceId);
    if (key === undefined) throw new Error(`the key of device ${deviceId} is not loaded`);
    return key;
  }

  return {
    async load(db, devices, boots) {
      await loadKeys(db, devices);
      await loadStreams(db, boots);
    },
    keyOf,
    streams: {
      get: (key) => streams.get(key) ?? undefined,
      isFirstContact: (deviceId) => !contacted.has(deviceId),
    },
    update(changed) {
      for (const [key, { deviceId, stream }] of changed) {
        streams.set(key, stream);
        contacted.add(deviceId);
      }
    },
    forget() {
      keys.clear();
      forgetStreams();
    },
  };
}

/** The small keys that telemetry tables carry; made for devices that have none yet. */
export async function findOrMakeKeys(
  db: Queryable,
  deviceIds: readonly string[],
): Promise<readonly { readonly key: number; readonly id: string }[]> {
  const ids = arrayLiteral(deviceIds);
  const rows = await db.execute<{ key: number; id: string }>(sql`
    with made as (
      insert into telemetry_devices (device_id)
      select id from unnest(${ids}::uuid[]) as wanted (id)
      where not exists (select from telemetry_devices where device_id = wanted.id)
      on conflict (device_id) do nothing
      returning key, device_id
    )
    select key, device_id as id from made
    union all
    select key, device_id from telemetry_devices where device_id = any(${ids}::uuid[])`);
  return [...rows];
}
