import type { DeviceRole } from '../../../contract/roles.ts';
import { isDeviceKey, type SecretDigest, secretDigest } from '../../platform/secrets.ts';
import type { TokenSubject, Tokens } from '../../tokens/token.ts';

/** The result of checking a bearer credential. A role secret or device key proves a role, a token a whole subject. */
export type Credential =
  | { readonly kind: 'role_secret' | 'device_key'; readonly role: DeviceRole }
  | { readonly kind: 'token'; readonly subject: TokenSubject }
  | { readonly kind: 'refused'; readonly reason: 'bad_credential' | 'expired'; readonly message: string };

interface CredentialCheckOptions {
  readonly roleSecrets: Readonly<Record<DeviceRole, string>>;
  readonly deviceCredentials: 'shared' | 'derived';
  readonly tokens: Tokens;
}

/** Checks a credential presented for `uuid`, without reading the database. */
export type CredentialCheck = (credential: string, uuid: string) => Promise<Credential>;

/** Agents first: they are the many. */
const ROLES: readonly DeviceRole[] = ['agent', 'master'];

export function createCredentialCheck(options: CredentialCheckOptions): CredentialCheck {
  const roleDigests: Record<DeviceRole, SecretDigest> = {
    master: secretDigest(options.roleSecrets.master),
    agent: secretDigest(options.roleSecrets.agent),
  };

  const roleKeys: Record<DeviceRole, Uint8Array> = {
    master: Buffer.from(options.roleSecrets.master),
    agent: Buffer.from(options.roleSecrets.agent),
  };

  return async (credential, uuid) => {
    if (looksLikeToken(credential)) {
      const check = await options.tokens.verify(credential);
      if (check.ok) return { kind: 'token', subject: check.subject };
      if (check.reason === 'expired') return refused('expired', 'The token has expired.');
    }
    // Each comparison takes constant time. The first match ends them: what that tells, the holder of a good credential
    // knows, and a bad one is compared with every secret.
    const byKey = ROLES.find((role) => isDeviceKey(credential, roleKeys[role], uuid));
    if (byKey) return { kind: 'device_key', role: byKey };
    const bySecret = ROLES.find((role) => roleDigests[role].matches(credential));
    if (!bySecret) return refused('bad_credential', 'The credential is not valid.');
    if (options.deviceCredentials === 'shared') return { kind: 'role_secret', role: bySecret };
    return refused('bad_credential', 'This server accepts device keys only, not role secrets.');
  };
}

function looksLikeToken(credential: string): boolean {
  return credential.split('.').length === 3;
}

function refused(reason: 'bad_credential' | 'expired', message: string): Credential {
  return { kind: 'refused', reason, message };
}
