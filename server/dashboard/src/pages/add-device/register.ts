import { answer, settled } from '../../api/answer.ts';
import { api } from '../../api/client.ts';
import { type Device, type DeviceKey, showKey } from '../../api/fleet.ts';

export interface NewDevice {
  readonly id: string;
  readonly role: 'master' | 'agent';
  readonly name: string;
  /** UUID of the master that an agent is paired with right away; empty for none. */
  readonly master: string;
  /** Where the device reaches the server; empty for the address of this page. */
  readonly host: string;
}

export interface AddedDevice {
  readonly device: Device;
  readonly key: DeviceKey;
}

/** Registers, pairs if wanted, and computes the key. Repeated after a failure it goes on where it stopped. */
export async function register({ id, role, name, master, host }: NewDevice): Promise<AddedDevice> {
  const device = await answer(api.devices.$post({ json: { id, role, name } }));
  if (master) await settled(api.devices[':id'].master.$put({ param: { id }, json: { master } }));
  return { device, key: await showKey(id, host) };
}

/** A random UUID (version 4); `crypto.randomUUID` exists only on pages that came by HTTPS or from this machine. */
export function newUuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
