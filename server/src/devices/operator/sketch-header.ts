import type { DeviceRole } from '../../../contract/roles.ts';

interface SketchIdentity {
  /** `https://host:port`, of characters that a C string takes as they are. */
  readonly host: string;
  readonly id: string;
  readonly key: string;
  readonly role: DeviceRole;
}

/** A header file with what the constructor of `SMServer` takes, named as in the library's examples. */
export function sketchHeader({ host, id, key, role }: SketchIdentity): string {
  return `#pragma once

// The identity of one ${role}. The key is good for this device alone; keep it out of version control.
constexpr char HOST[] = "${host}";
constexpr char UUID[] = "${id}";
constexpr char KEY[] = "${key}";

// SMServer server(HOST, UUID, KEY);
`;
}
