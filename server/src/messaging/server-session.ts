import { PING_FILTERS, PRESENCE_FILTERS } from '../../contract/topics.ts';
import type { AclEntry } from '../tokens/token.ts';

/** Client id and user name of an instance's session. No device can have it: a device's client id is a UUID. */
export function serverClientId(instanceId: string): string {
  return `server-${instanceId}`;
}

/** The rights of the server's session, for the `acl` claim of its token: just what it needs. */
export function serverAcl(): readonly AclEntry[] {
  return [
    ...PING_FILTERS.map((topic): AclEntry => ({ permission: 'allow', action: 'all', topic })),
    ...PRESENCE_FILTERS.map((topic): AclEntry => ({ permission: 'allow', action: 'subscribe', topic })),
  ];
}
