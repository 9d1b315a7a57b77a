import type { DeviceRole } from '../platform/db/schema.ts';

interface SketchIdentity {
  /** `https://host:port`, of characters that a C string takes as they are. */
  readonly host: string;
  readonly id: string;
  readonly key: string;
  readonly role: DeviceRole;
}

/** A header file that gives a sketch what the constructor of `SMServer` takes. */
export function sketchHeader({ host, id, key, role }: SketchIdentity): string {
  return `#pragma once

// The identity of one ${role}. The key is good for this device alone; keep it out of version control.
#define SERVER_HOST "${host}"
#define DEVICE_UUID "${id}"
#define DEVICE_KEY "${key}"

// #include <SMServer.h>
// SMServer server(SERVER_HOST, DEVICE_UUID, DEVICE_KEY);
`;
}
