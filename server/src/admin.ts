import { hostname } from 'node:os';
import { username } from '../contract/api/credentials.ts';
import { asksForHelp } from './asks-for-help.ts';
import { commandFailure } from './command-failure.ts';
import { loadConfig } from './config.ts';
import { resetPassword } from './operators/accounts/reset-password.ts';
import { createPasswords } from './operators/passwords.ts';
import { systemClock } from './platform/clock.ts';
import { openDatabase } from './platform/db/client.ts';
import { withDeadline } from './platform/deadline.ts';
import { systemRandom } from './platform/random.ts';

/** A database that takes connections and says nothing must not keep the command. */
const DATABASE_LIMIT_MS = 15_000;
const PASSWORD_BYTES = 18;

const USAGE = `Usage: bun run admin reset-password <user name> [--password-stdin]

Gives an operator a new password and ends all of their sessions, configured by the environment of the server. Generates
the password and prints it, unless --password-stdin is given: then the first line of standard input is the password.`;

async function main(args: readonly string[]): Promise<void> {
  if (asksForHelp(args)) return line(USAGE);
  const [command, name, ...options] = args;
  const fromInput = options[0] === '--password-stdin';
  if (command !== 'reset-password' || name === undefined || options.length !== (fromInput ? 1 : 0)) {
    return fail(USAGE);
  }
  const parsed = username.safeParse(name);
  if (!parsed.success) return fail(`The user name ${parsed.error.issues[0]?.message}.`);
  try {
    const config = loadConfig(process.env, hostname());
    const password = fromInput ? await firstLineOfInput() : generatedPassword();
    const reset = resetIn(config.databaseUrl, parsed.data, password);
    const ended = await withDeadline(systemClock, DATABASE_LIMIT_MS, reset, 'the database');
    line(`The password of ${parsed.data} is changed; sessions ended: ${ended}.`);
    if (!fromInput) line(`New password, shown only now: ${password}`);
  } catch (error) {
    fail(commandFailure(error));
  }
}

async function resetIn(databaseUrl: string, name: string, password: string): Promise<number> {
  const database = openDatabase(databaseUrl);
  try {
    const passwords = createPasswords(systemRandom);
    return await resetPassword({ db: database.db, clock: systemClock, passwords }, name, password);
  } finally {
    await database.close(1_000);
  }
}

async function firstLineOfInput(): Promise<string> {
  return (await Bun.stdin.text()).split(/\r?\n/, 1)[0] ?? '';
}

function generatedPassword(): string {
  return Buffer.from(systemRandom.bytes(PASSWORD_BYTES)).toString('base64url');
}

function line(text: string): void {
  process.stdout.write(`${text}\n`);
}

function fail(text: string): void {
  process.stderr.write(`${text}\n`);
  process.exitCode = 1;
}

await main(process.argv.slice(2));
// Connections that never answered would keep the process.
process.exit();
