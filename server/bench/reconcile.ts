import { randomUUID } from 'node:crypto';
import type { SQL } from 'drizzle-orm';
import { sql } from 'drizzle-orm';
import { connectMqtt } from '../dev/device-session.ts';
import { MIGRATIONS_FOLDER } from '../dev/stack.ts';
import { createBroker } from '../src/broker/broker.ts';
import { desiredState } from '../src/broker/desired-state.ts';
import { createEmqx } from '../src/broker/emqx.ts';
import { reconcileNow } from '../src/broker/reconcile-now.ts';
import { systemClock } from '../src/platform/clock.ts';
import { type Database, openDatabase } from '../src/platform/db/client.ts';
import { migrate } from '../src/platform/db/migrate.ts';
import { createLogger } from '../src/platform/logger.ts';
import { createMetrics } from '../src/platform/metrics.ts';
import { systemRandom } from '../src/platform/random.ts';
import { createPresenceCorrection } from '../src/presence/correction.ts';
import { createTokens } from '../src/tokens/token.ts';
import { heading, writeLine } from './report.ts';
import { API_KEY, API_SECRET, JWT_SECRET, startBrokerProcess } from './stack.ts';

const PAIRS = 50_000;
const AGENTS_A_MASTER = 50;
const BANS = 1_000;
const CHANGES = 200;

/** Reconciliation of many devices, and how long a change takes until it is in effect on the broker. */
export async function benchReconcile(databaseUrl: string): Promise<void> {
  heading(`reconcile: ${PAIRS.toLocaleString('en')} pairs, ${BANS.toLocaleString('en')} bans`);
  const database = openDatabase(databaseUrl);
  const { child, ports } = await startBrokerProcess();
  try {
    await migrate(database.sql, MIGRATIONS_FOLDER);
    await fill(database.db);
    const emqx = createEmqx({
      apiUrl: ports.apiUrl,
      apiKey: API_KEY,
      apiSecret: API_SECRET,
      clock: systemClock,
      random: systemRandom,
    });
    const run = {
      db: database.db,
      emqx,
      clock: systemClock,
      desired: desiredState(JWT_SECRET),
      presence: () => createPresenceCorrection(database.db),
    };
    const floorMs = await callFloor(emqx);
    await timed('refill an empty broker', 60, () => reconcileNow(run, true), floorMs);
    await timed('read and compare', 15, () => reconcileNow(run, true), floorMs);
    await benchChanges(database.db, ports, floorMs);
  } finally {
    await database.sql`truncate devices, username_bans, broker_changes cascade`;
    await database.close(1_000);
    await child.stop();
  }
}

async function fill(db: Database): Promise<void> {
  await db.execute(sql`truncate devices cascade`);
  await db.execute(sql`
    insert into devices (id, role, state, created_at)
    select gen_random_uuid(), 'master', 'active', now() from generate_series(1, ${PAIRS / AGENTS_A_MASTER}::int)`);
  await db.execute(sql`
    insert into devices (id, role, state, created_at, master_id)
    select gen_random_uuid(), 'agent', 'active', now(), id
    from devices, generate_series(1, ${AGENTS_A_MASTER}::int) where role = 'master'`);
  await db.execute(sql`
    insert into devices (id, role, state, created_at)
    select gen_random_uuid(), 'agent', 'revoked', now() from generate_series(1, ${BANS}::int)`);
  await db.execute(sql`analyze devices`);
}

/** Milliseconds of the cheapest call of the REST API. */
async function callFloor(emqx: ReturnType<typeof createEmqx>): Promise<number> {
  const times: number[] = [];
  for (let call = 0; call < CHANGES; call++) {
    const startedAt = performance.now();
    await emqx.session(randomUUID());
    times.push(performance.now() - startedAt);
  }
  return quantile(times, 0.5);
}

async function timed(
  name: string,
  aimSeconds: number,
  work: () => Promise<unknown>,
  floorMs: number,
): Promise<void> {
  Bun.gc(true);
  const before = process.memoryUsage.rss();
  const startedAt = performance.now();
  await work();
  const seconds = (performance.now() - startedAt) / 1_000;
  const megabytes = (process.memoryUsage.rss() - before) / 1024 / 1024;
  const verdict = seconds <= aimSeconds ? 'met' : 'MISSED';
  writeLine(
    `${name.padEnd(28)} ${seconds.toFixed(1)} s (aim ≤ ${aimSeconds} s: ${verdict}), ` +
      `${Math.round((seconds * 1_000) / floorMs).toLocaleString('en')} bare calls, memory ${megabytes >= 0 ? '+' : ''}${megabytes.toFixed(0)} MB`,
  );
}

/** Each change is made on a device that is connected, as an operator's verb makes it. */
async function benchChanges(
  db: Database,
  ports: { mqttPort: number; apiUrl: string },
  floorMs: number,
): Promise<void> {
  const broker = createBroker({
    db,
    clock: systemClock,
    random: systemRandom,
    log: createLogger({ debug: false, format: 'json', destination: { write: () => {} } }),
    emqx: { apiUrl: ports.apiUrl, apiKey: API_KEY, apiSecret: API_SECRET },
    jwtSecret: JWT_SECRET,
    instanceId: 'bench',
    databaseIsReady: () => true,
    connection: () => 'online',
    pingMs: () => undefined,
    tryMqtt: async () => undefined,
    metrics: createMetrics(),
    presence: () => createPresenceCorrection(db),
  });
  broker.changes.start();
  const tokens = await createTokens({ jwtSecret: JWT_SECRET, ttlSeconds: 3_600, clock: systemClock });
  try {
    for (const [name, statement] of Object.entries(changes)) {
      const times: number[] = [];
      const { rows, touched } = await pick(db);
      for (let index = 0; index < CHANGES; index++) {
        const device = rows[index];
        const master = touched;
        if (device === undefined) break;
        if (name === 'unpair')
          await db.execute(sql`update devices set master_id = ${master} where id = ${device}`);
        const { token, username } = await tokens.issue({ id: device, role: 'agent', generation: 1 });
        const client = await connectMqtt(`mqtt://127.0.0.1:${ports.mqttPort}`, {
          clientId: device,
          username,
          password: token,
        });
        const startedAt = performance.now();
        const enqueued = await db.transaction(async (tx) => {
          await tx.execute(statement(device, master));
          return await broker.changes.enqueue(tx, name.endsWith('pair') ? [device, master] : [device], name);
        });
        const receipt = await broker.changes.flush(enqueued);
        times.push(performance.now() - startedAt);
        client.end(true);
        if (receipt.status !== 'applied') throw new Error(`${name}: ${receipt.reason}`);
      }
      const p50 = quantile(times, 0.5);
      writeLine(
        `${`${name}: time to effect`.padEnd(28)} p50 ${p50.toFixed(1)} ms, p99 ${quantile(times, 0.99).toFixed(1)} ms, ` +
          `p50 of ${(p50 / floorMs).toFixed(0)} bare calls`,
      );
    }
  } finally {
    await broker.close();
  }
}

const changes: Readonly<Record<string, (device: string, master: string) => SQL>> = {
  pair: (device, master) => sql`update devices set master_id = ${master} where id = ${device}`,
  unpair: (device) => sql`update devices set master_id = null where id = ${device}`,
  revoke: (device) => sql`update devices set state = 'revoked' where id = ${device}`,
  rotate: (device) => sql`
    with banned as (
      insert into username_bans select ${`${device}.1`}, ${device}::uuid, now() + interval '1 hour'
    ) update devices set generation = 2 where id = ${device}`,
};

/** New agents, and a master that has many already. */
async function pick(db: Database): Promise<{ rows: string[]; touched: string }> {
  const added = await db.execute<{ id: string }>(sql`
    insert into devices (id, role, state, created_at)
    select gen_random_uuid(), 'agent', 'active', now() from generate_series(1, ${CHANGES}::int) returning id`);
  const [master] = await db.execute<{ id: string }>(
    sql`select id from devices where role = 'master' limit 1`,
  );
  if (!master) throw new Error('there is no master');
  return { rows: added.map(({ id }) => id), touched: master.id };
}

function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}
