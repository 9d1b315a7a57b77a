import { hostname } from 'node:os';
import type { BrokerExamination } from '../contract/api/broker.ts';
import { asksForHelp } from './asks-for-help.ts';
import { describeExamination } from './broker/describe-examination.ts';
import { desiredState } from './broker/desired-state.ts';
import { createEmqx, EmqxError } from './broker/emqx.ts';
import { type Examination, examine, UNHURRIED_LIMIT_MS } from './broker/examine.ts';
import { commandFailure } from './command-failure.ts';
import { loadConfig } from './config.ts';
import { trySession } from './messaging/try-session.ts';
import { systemClock } from './platform/clock.ts';
import { openDatabase } from './platform/db/client.ts';
import { systemRandom } from './platform/random.ts';
import { createPresenceCorrection } from './presence/correction.ts';
import { createTokens } from './tokens/token.ts';

const USAGE = `Usage: bun run doctor

Compares the broker with the database, configured by the environment of the server, and changes nothing. Prints the
differences, and exits with 1 if there are any.`;

/** Reads, prints, and returns whether all is well. */
async function run(): Promise<boolean> {
  const { jwtSecret, tokenTtlSeconds, mqttUrl, ...config } = loadConfig(process.env, hostname());
  const tokens = await createTokens({ jwtSecret, ttlSeconds: tokenTtlSeconds, clock: systemClock });
  const database = openDatabase(config.databaseUrl);
  try {
    const examination = await examine({
      db: database.db,
      clock: systemClock,
      desired: desiredState(jwtSecret, { tls: config.mqttTlsHost !== undefined }),
      connect: (signal) => createEmqx({ ...config.emqx, clock: systemClock, random: systemRandom, signal }),
      presence: () => createPresenceCorrection(database.db),
      tryMqtt: () => trySession({ mqttUrl, tokens, name: `doctor-${process.pid}` }),
      limitMs: UNHURRIED_LIMIT_MS,
    });
    failOnOutage(examination);
    const checked = describeExamination(examination);
    print(checked);
    return checked.ok;
  } finally {
    await database.close(1_000);
  }
}

/** Where database or broker do not answer, that is all there is to tell. */
function failOnOutage({ queued, api, comparison }: Examination): void {
  for (const outcome of [queued, api, comparison]) if (outcome.is === 'failed') throw outcome.error;
}

function print({
  version,
  sessions,
  foreign,
  checks,
}: Pick<BrokerExamination, 'version' | 'sessions' | 'foreign' | 'checks'>): void {
  line(`EMQX ${version}, ${sessions} sessions of devices\n`);
  for (const { title, state, found, next } of checks) {
    line(`${title}: ${state}`);
    for (const text of found) line(`  - ${text}`);
    if (next) line(`  ${next}`);
  }
  if (!foreign) return;
  const { authenticators, sources, clientRules, bans } = foreign;
  const others = [
    ...authenticators.map((id) => `authenticator ${id}`),
    ...sources.map((type) => `authorization source ${type}`),
    ...(clientRules > 0 ? [`${clientRules} clients with rules`] : []),
    ...(bans > 0 ? [`${bans} bans`] : []),
  ];
  line(`\nNot created by this server, left alone: ${others.length === 0 ? 'none' : ''}`);
  for (const text of others) line(`  - ${text}`);
}

function line(text: string): void {
  process.stdout.write(`${text}\n`);
}

function fail(text: string): void {
  process.stderr.write(`${text}\n`);
  process.exitCode = 1;
}

const args = process.argv.slice(2);
if (asksForHelp(args)) {
  line(USAGE);
} else if (args.length > 0) {
  fail(USAGE);
} else {
  try {
    process.exitCode = (await run()) ? 0 : 1;
  } catch (error) {
    fail(error instanceof EmqxError ? error.message : commandFailure(error));
  }
}

// Connections that never answered would keep the process.
process.exit();
