import { parseArgs } from 'node:util';
import { deviceUuid } from '../contract/uuid.ts';
import { deviceKey } from '../src/platform/secrets.ts';
import { joinValues } from './command-line.ts';
import { parseRole, roleSecret } from './role-secret.ts';

const USAGE = `Usage: bun run device-key <uuid> [--role agent|master] [--secret <role secret>]

Prints the key to flash into the device: it requests tokens for that UUID only, so the firmware need not hold the
role secret. The secret is taken from --secret, DEVICE_AGENT_SECRET_KEY or DEVICE_MASTER_SECRET_KEY, or the
development stack's data.`;

try {
  const { values, positionals } = parseArgs({
    args: joinValues(process.argv.slice(2), ['role', 'secret']),
    allowPositionals: true,
    options: {
      role: { type: 'string', default: 'agent' },
      secret: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
  } else {
    const uuid = deviceUuid.safeParse(positionals[0]);
    if (!uuid.success || positionals.length !== 1) throw new Error(`Give one device UUID.\n\n${USAGE}`);
    console.log(deviceKey(await roleSecret(parseRole(values.role), values.secret), uuid.data));
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
