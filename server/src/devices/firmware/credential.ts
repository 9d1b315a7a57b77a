import type { DeviceRole } from '../../../contract/roles.ts';
import { isDeviceKey, looksLikeDeviceKey, type SecretDigest, secretDigest } from '../../platform/secrets.ts';
import type { TokenSubject, Tokens } from '../../tokens/token.ts';
import type { DeviceStore } from '../store.ts';

/** The result of checking a bearer credential. A role secret or device key proves a role, a token a whole subject. */
export type Credential =
  | { readonly kind: 'role_secret'; readonly role: DeviceRole }
  | { readonly kind: 'device_key'; readonly role: DeviceRole; readonly keyNumber: number }
  | { readonly kind: 'token'; readonly subject: TokenSubject }
  | RefusedCredential;

interface RefusedCredential {
  readonly kind: 'refused';
  readonly reason: 'bad_credential' | 'expired' | 'superseded';
  readonly message: string;
}

interface CredentialCheckOptions {
  readonly roleSecrets: Readonly<Record<DeviceRole, string>>;
  readonly deviceCredentials: 'shared' | 'derived';
  readonly tokens: Tokens;
  readonly store: Pick<DeviceStore, 'findKeyNumber'>;
}

/**
 * Checks a credential presented for `uuid`. Reads the database only for what has the form of a device key and is not the
 * first one of the UUID: a key of number 0 may have been replaced too, which the device's record tells.
 */
export type CredentialCheck = (credential: string, uuid: string) => Promise<Credential>;

/** Agents first: they are the many. */
const ROLES: readonly DeviceRole[] = ['agent', 'master'];
/** How many replaced keys of a device are told from those that never were one. */
const REMEMBERED_KEYS = 32;

export function createCredentialCheck(options: CredentialCheckOptions): CredentialCheck {
  const roleDigests: Record<DeviceRole, SecretDigest> = {
    master: secretDigest(options.roleSecrets.master),
    agent: secretDigest(options.roleSecrets.agent),
  };

  const roleKeys: Record<DeviceRole, Uint8Array> = {
    master: Buffer.from(options.roleSecrets.master),
    agent: Buffer.from(options.roleSecrets.agent),
  };

  /** The role of which the credential is the key with this number. */
  function roleOfKey(credential: string, uuid: string, keyNumber: number): DeviceRole | undefined {
    return ROLES.find((role) => isDeviceKey(credential, roleKeys[role], uuid, keyNumber));
  }

  async function byLaterKey(credential: string, uuid: string): Promise<Credential | undefined> {
    const current = await options.store.findKeyNumber(uuid);
    for (let number = current; number > Math.max(0, current - REMEMBERED_KEYS); number--) {
      const role = roleOfKey(credential, uuid, number);
      if (!role) continue;
      return number === current ? { kind: 'device_key', role, keyNumber: number } : supersededKey;
    }
    return undefined;
  }

  return async (credential, uuid) => {
    if (looksLikeToken(credential)) {
      const check = await options.tokens.verify(credential);
      if (check.ok) return { kind: 'token', subject: check.subject };
      if (check.reason === 'expired') return refused('expired', 'The token has expired.');
    }
    // Each comparison takes constant time. The first match ends them: what that tells, the holder of a good credential
    // knows, and a bad one is compared with every secret.
    const byKey = roleOfKey(credential, uuid, 0);
    if (byKey) return { kind: 'device_key', role: byKey, keyNumber: 0 };
    const bySecret = ROLES.find((role) => roleDigests[role].matches(credential));
    if (!bySecret) {
      const byLater = looksLikeDeviceKey(credential) ? await byLaterKey(credential, uuid) : undefined;
      return byLater ?? refused('bad_credential', 'The credential is not valid.');
    }
    if (options.deviceCredentials === 'shared') return { kind: 'role_secret', role: bySecret };
    return refused('bad_credential', 'This server accepts device keys only, not role secrets.');
  };
}

function looksLikeToken(credential: string): boolean {
  return credential.split('.').length === 3;
}

function refused(reason: RefusedCredential['reason'], message: string): RefusedCredential {
  return { kind: 'refused', reason, message };
}

/** What the holder of a key is told that has been replaced. */
export const supersededKey = refused('superseded', 'The key of this device has been replaced.');
