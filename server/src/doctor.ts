import { hostname } from 'node:os';
import mqtt from 'mqtt';
import type { ReconcileReport } from '../contract/api/broker.ts';
import { reconcileNow } from './broker/broker.ts';
import { desiredState } from './broker/desired-state.ts';
import { queueState } from './broker/device-store.ts';
import { createEmqx, EmqxError } from './broker/emqx.ts';
import { foundDifferences } from './broker/report.ts';
import { type Config, ConfigError, loadConfig } from './config.ts';
import { serverClientId } from './messaging/messaging.ts';
import { systemClock } from './platform/clock.ts';
import { openDatabase } from './platform/db/client.ts';
import { isUnreachable } from './platform/db/database-error.ts';
import { errorCode } from './platform/errors.ts';
import { systemRandom } from './platform/random.ts';
import { createPresenceCorrection } from './presence/correction.ts';
import { createTokens } from './tokens/token.ts';

const MQTT_LIMIT_MS = 5_000;

const USAGE = `Usage: bun run doctor

Compares the broker with the database, configured by the environment of the server, and changes nothing. Prints the
differences, and exits with 1 if there are any.`;

/** Reads, prints, and returns whether all is well. */
async function examine(): Promise<boolean> {
  const config = loadConfig(process.env, hostname());
  const database = openDatabase(config.databaseUrl);
  try {
    const mqttFailure = await tryMqtt(config);
    const emqx = createEmqx({ ...config.emqx, clock: systemClock, random: systemRandom });
    const desired = desiredState(config.jwtSecret, { tls: config.mqttTlsHost !== undefined });
    const report = await reconcileNow(
      {
        db: database.db,
        emqx,
        clock: systemClock,
        desired,
        presence: (startedAt) => createPresenceCorrection(database.db, startedAt),
      },
      false,
    );
    const queued = (await queueState(database.db)).length;
    printReport(report, queued);
    section('MQTT', mqttFailure === undefined ? [] : [mqttFailure]);
    return (
      mqttFailure === undefined && !foundDifferences(report) && report.warnings.length === 0 && queued === 0
    );
  } finally {
    await database.close(1_000);
  }
}

function printReport(report: ReconcileReport, queued: number): void {
  const { devices, foreign } = report;
  line(`EMQX ${report.version}, ${report.sessions} sessions of devices`);
  section('Settings that differ', report.differences);
  section('Devices that differ', [
    ...count(devices.rulesAdded, 'paired devices without their rules'),
    ...count(devices.rulesReplaced, 'devices whose rules differ from their pairing'),
    ...count(devices.rulesRemoved, 'devices with rules that are no longer paired'),
    ...count(devices.bansAdded, 'bans missing'),
    ...count(devices.bansLifted, 'stale bans'),
    ...count(devices.sessionsEnded, 'sessions that should have ended'),
    ...count(queued, 'changes waiting for the broker'),
  ]);
  section('To look at', report.warnings);
  section('Not created by this server, left alone', [
    ...foreign.authenticators.map((id) => `authenticator ${id}`),
    ...foreign.sources.map((type) => `authorization source ${type}`),
    ...count(foreign.clientRules, 'clients with rules'),
    ...count(foreign.bans, 'bans'),
  ]);
}

/** Connects once as the server does; why it failed, if it did. */
async function tryMqtt(config: Config): Promise<string | undefined> {
  const { jwtSecret, tokenTtlSeconds } = config;
  const tokens = await createTokens({ jwtSecret, ttlSeconds: tokenTtlSeconds, clock: systemClock });
  const clientId = serverClientId(`doctor-${process.pid}`);
  try {
    const client = await mqtt.connectAsync(
      config.mqttUrl,
      {
        clientId,
        username: clientId,
        password: await tokens.issueForServer(clientId, [], 60),
        reconnectPeriod: 0,
        connectTimeout: MQTT_LIMIT_MS,
      },
      false,
    );
    await client.endAsync();
    return undefined;
  } catch (error) {
    return `the broker at MQTT_URL refuses the server or cannot be reached: ${error instanceof Error ? error.message : ''}`;
  }
}

function line(text: string): void {
  process.stdout.write(`${text}\n`);
}

function fail(text: string): void {
  process.stderr.write(`${text}\n`);
  process.exitCode = 1;
}

function section(title: string, lines: readonly string[]): void {
  line(`\n${title}: ${lines.length === 0 ? 'none' : ''}`);
  for (const text of lines) line(`  - ${text}`);
}

function count(number: number, what: string): string[] {
  return number === 0 ? [] : [`${number} ${what}`];
}

if (process.argv.slice(2).some((argument) => argument === '--help' || argument === '-h')) {
  line(USAGE);
} else {
  try {
    process.exitCode = (await examine()) ? 0 : 1;
  } catch (error) {
    if (error instanceof ConfigError || error instanceof EmqxError) fail(error.message);
    else if (isUnreachable(error)) fail(`The database cannot be reached (${errorCode(error)}).`);
    else throw error;
  }
}
