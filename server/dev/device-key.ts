import { parseArgs } from 'node:util';
import { deviceUuid } from '../contract/uuid.ts';
import { deviceKey } from '../src/platform/secrets.ts';
import { joinValues } from './command-line.ts';
import { parseRole, roleSecret } from './role-secret.ts';

const USAGE = `Usage: bun run device-key <uuid> [--role agent|master] [--number <key number>] [--secret <role secret>]

Prints the key to flash into the device: it requests tokens for that UUID only, so the firmware need not hold the
role secret. The secret is taken from --secret, DEVICE_AGENT_SECRET_KEY or DEVICE_MASTER_SECRET_KEY, or the
development stack's data. The key number is 0 until a rotation has replaced the key; the device's record shows it.`;

try {
  const { values, positionals } = parseArgs({
    args: joinValues(process.argv.slice(2), ['role', 'secret']),
    allowPositionals: true,
    options: {
      role: { type: 'string', default: 'agent' },
      number: { type: 'string', default: '0' },
      secret: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
  } else {
    const uuid = deviceUuid.safeParse(positionals[0]);
    if (!uuid.success || positionals.length !== 1) throw new Error(`Give one device UUID.\n\n${USAGE}`);
    const keyNumber = parseKeyNumber(values.number);
    const secret = await roleSecret(parseRole(values.role), values.secret);
    console.log(deviceKey(secret, uuid.data, keyNumber));
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

function parseKeyNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text))
    throw new Error('--number must be a whole number: the key number of the device');
  return Number(text);
}
