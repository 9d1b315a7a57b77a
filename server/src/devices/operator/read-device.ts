import type { Queryable } from '../../platform/db/client.ts';
import { unknownDevice } from '../change-device.ts';
import { type DeviceRow, findDevice } from '../device.ts';
import { type DeviceListQuery, listDevices } from './list-devices.ts';

/** @throws AppError `not_found`. */
export async function readDevice(db: Queryable, id: string): Promise<DeviceRow> {
  const device = await findDevice(db, id);
  if (!device) throw unknownDevice(id);
  return device;
}

/**
 * One page of the agents of a master; of none for an agent.
 *
 * @throws AppError `not_found`.
 */
export async function listAgents(
  db: Queryable,
  masterId: string,
  query: Omit<DeviceListQuery, 'master'>,
): ReturnType<typeof listDevices> {
  await readDevice(db, masterId);
  return await listDevices(db, { ...query, master: masterId });
}
