import { createHash } from 'node:crypto';
import type { DeviceRole } from '../../contract/roles.ts';

export interface FleetIdentity {
  readonly uuid: string;
  readonly role: DeviceRole;
  /** In [0, 1), the same in every run. */
  readonly place: number;
}

/** The devices of a seed, masters first. A device keeps its UUID when the fleet grows; it is of version 8 (RFC 9562). */
export function fleetIdentities(seed: string, devices: number, masters: number): FleetIdentity[] {
  return Array.from({ length: devices }, (_, at) => {
    // Devices are registered in one role for good, so that the role is part of the name.
    const role = at < masters ? 'master' : 'agent';
    const number = role === 'master' ? at : at - masters;
    const digest = createHash('sha256').update(`${seed}\n${role}\n${number}`).digest();
    digest[6] = ((digest[6] ?? 0) & 0x0f) | 0x80;
    digest[8] = ((digest[8] ?? 0) & 0x3f) | 0x80;
    const hex = digest.toString('hex', 0, 16);
    const uuid = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
    return { uuid, role, place: digest.readUInt32BE(16) / 2 ** 32 };
  });
}
