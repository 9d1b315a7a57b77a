import { resolve } from 'node:path';
import type { DeviceRole } from '../contract/roles.ts';
import { deviceKey } from '../src/platform/secrets.ts';
import { readSecrets } from './secrets.ts';

const VARIABLE = { master: 'DEVICE_MASTER_SECRET_KEY', agent: 'DEVICE_AGENT_SECRET_KEY' } as const;

/** The role from a `--role` flag. */
export function parseRole(text: string): DeviceRole {
  if (text !== 'master' && text !== 'agent') throw new Error('--role must be master or agent');
  return text;
}

/** What a simulated device shows: what was given, else its own key, which the server takes in either mode. */
export async function deviceCredential(
  role: DeviceRole,
  uuid: string,
  given: string | undefined,
): Promise<string> {
  return given || deviceKey(await roleSecret(role, undefined), uuid);
}

/** The secret of a role: as given, else from the environment, else from the development stack's data. */
export async function roleSecret(role: DeviceRole, given: string | undefined): Promise<string> {
  const secret = given || process.env[VARIABLE[role]];
  if (secret) return secret;
  const kept = await readSecrets(resolve(process.env.DATA_DIR || '.data'));
  const keptSecret = kept[VARIABLE[role]];
  if (keptSecret) return keptSecret;
  throw new Error(
    `Give the ${role} secret with --secret or as ${VARIABLE[role]} (the development stack is not set up).`,
  );
}
