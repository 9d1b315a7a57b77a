import type postgres from 'postgres';
import { z } from 'zod';
import { systemClock } from '../src/platform/clock.ts';
import { openDatabase } from '../src/platform/db/client.ts';
import { findOrMakeKeys } from '../src/telemetry/ingest/device-state.ts';
import { insertRecords } from '../src/telemetry/ingest/write-batch.ts';
import { createTokens } from '../src/tokens/token.ts';
import { startChild } from './child.ts';
import { heading, rateRow, report, writeLine } from './report.ts';
import { alternate, median } from './rounds.ts';
import { JWT_SECRET, startBrokerProcess, startSubject } from './stack.ts';

const DEVICES = 50;
const EACH = 1_000;
const MESSAGES = DEVICES * EACH;
const ROUNDS = 7;
/** Each look costs a statement: often enough for a round of seconds. */
const POLL_MS = 20;
const TOKEN_TTL_SECONDS = 3_600;
/** 150 bytes, as devices send them. */
const PAYLOAD = JSON.stringify({
  temp: 21.375,
  hum: 48.2,
  pressure: 1013.25,
  battery: 3.71,
  rssi: -67,
  door: false,
  mode: 'auto',
  firmware: '1.4.0',
}).padEnd(150, ' ');
const COMMIT_ROWS = 1_000;

/** From a device's PUBLISH to the commit, against the same consumer without a database, and against `unnest` alone. */
export async function benchIngest(databaseUrl: string): Promise<void> {
  heading(`ingest: ${DEVICES} devices, QoS 1, 150 bytes, development broker`);
  const broker = await startBrokerProcess();
  const subject = await startSubject({ databaseUrl, broker: broker.ports });
  const tokens = await createTokens({
    jwtSecret: JWT_SECRET,
    ttlSeconds: TOKEN_TTL_SECONDS,
    clock: systemClock,
  });
  const allow = (topic: string) => ({ permission: 'allow', action: 'all', topic }) as const;
  const token = (id: string, topics: readonly string[]) =>
    tokens.issueForServer(id, topics.map(allow), TOKEN_TTL_SECONDS);
  const floor = await startChild('ingest-floor.ts', {
    MQTT_URL: broker.ports.serverUrl,
    TOKEN: await token('ingest-floor', ['floor/+/data']),
  });
  const load = await startChild('ingest-load.ts', {});
  const database = openDatabase(databaseUrl);
  try {
    const devices = await Promise.all(
      Array.from({ length: DEVICES }, async () => {
        const uuid = crypto.randomUUID();
        return { uuid, token: await token(uuid, [`floor/${uuid}/data`, `device/${uuid}/data`]) };
      }),
    );
    // The listener of the server's zone, which limits no rates.
    const port = Number(new URL(broker.ports.serverUrl).port);
    await load.call('connect', { port, devices }, z.unknown());

    const sample = async (prefix: string, stored: () => Promise<number>) => {
      const before = await stored();
      const startedAt = performance.now();
      await load.call('run', { prefix, each: EACH, payload: PAYLOAD }, z.unknown());
      while ((await stored()) - before < MESSAGES) await Bun.sleep(POLL_MS);
      return MESSAGES / ((performance.now() - startedAt) / 1_000);
    };
    const ended = await alternate(
      ROUNDS,
      () => sample('floor', () => floor.call('stored', undefined, z.number())),
      () => sample('device', () => storedIn(database.sql)),
    );
    report(
      rateRow('stored messages/s', ended, (rate) => rate),
      { atLeast: 0.6 },
    );
    const unnest = await unnestRates(database);
    report({ name: '… to unnest alone', floor: unnest, subject: ended.subject });
    writeLine(
      `unnest alone: ${Math.round(median(unnest)).toLocaleString('en')} rows/s in batches of ${COMMIT_ROWS}`,
    );
    writeLine('floor: the same session and consumer, acknowledging without a database');
  } finally {
    await Promise.all([load.stop(), floor.stop(), subject.child.stop()]);
    await broker.child.stop();
    await database.close(1_000);
  }
}

async function storedIn(sql: postgres.Sql): Promise<number> {
  const [row] = await sql<
    { stored: string }[]
  >`select coalesce(sum(stored), 0) as stored from telemetry_devices`;
  return Number(row?.stored);
}

/** Rows per second of the same statement that the server uses, with nothing around it. */
async function unnestRates({ db }: ReturnType<typeof openDatabase>): Promise<number[]> {
  const deviceId = crypto.randomUUID();
  const [made] = await findOrMakeKeys(db, [deviceId]);
  const key = made?.key ?? 0;
  const rates: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const startedAt = performance.now();
    for (let sent = 0; sent < MESSAGES; sent += COMMIT_ROWS) {
      const nowUs = systemClock.now() * 1_000;
      const records = Array.from({ length: COMMIT_ROWS }, (_, index) => ({
        deviceId,
        atUs: nowUs + index,
        receivedUs: nowUs + index,
        text: PAYLOAD,
        body: {},
      }));
      await insertRecords(db, records, () => key);
    }
    rates.push(MESSAGES / ((performance.now() - startedAt) / 1_000));
  }
  return rates;
}
