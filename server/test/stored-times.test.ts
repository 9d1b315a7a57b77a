import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { sql } from 'drizzle-orm';
import { DASHBOARD_FOLDER } from '../dashboard/build.ts';
import { MIGRATIONS_FOLDER } from '../dev/stack.ts';
import { loadConfig } from '../src/config.ts';
import { systemClock } from '../src/platform/clock.ts';
import { readDatabaseTime } from '../src/platform/db/database-clock.ts';
import { createLogger } from '../src/platform/logger.ts';
import { takeHourlyQuota } from '../src/platform/quota.ts';
import { systemRandom } from '../src/platform/random.ts';
import { startServices } from '../src/server.ts';
import { type Stack, startStack } from './harness.ts';
import { ADMIN, ADMIN_ENV } from './operators.ts';

const HOUR_MS = 3_600_000;

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ broker: false, env: ADMIN_ENV });
}, 60_000);
afterAll(() => stack.close());

test('an instance whose clock is 13 hours ahead stores the time of the database, and takes sessions of others', async () => {
  const services = await startServices(loadConfig({ ...stack.env, PORT: '0', INSTANCE_ID: 'ahead' }), {
    clock: { ...systemClock, now: () => systemClock.now() + 13 * HOUR_MS },
    databaseTime: readDatabaseTime,
    random: systemRandom,
    log: createLogger({ debug: false, format: 'json', destination: { write: () => {} } }),
    migrationsFolder: MIGRATIONS_FOLDER,
    dashboardFolder: DASHBOARD_FOLDER,
  });
  try {
    await services.started;
    const login = await fetch(`${services.url}/api/v1/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(ADMIN),
    });
    expect(login.status).toBe(201);
    const [entry] = await stack.sql`
      select abs(extract(epoch from at - now())) < 60 as now from audit_log where action = 'session.created'`;
    expect(entry?.now).toBe(true);
    const cookie = login.headers
      .getSetCookie()
      .map((line) => line.split(';')[0])
      .join('; ');
    for (const url of [stack.url, services.url]) {
      expect((await fetch(`${url}/api/v1/session`, { headers: { cookie } })).status).toBe(200);
    }
  } finally {
    await services.close();
  }
});

describe('an hourly quota', () => {
  test('counts by hours of UTC, whatever the time zone of the session', async () => {
    const at = Date.UTC(2026, 0, 1, 12, 45);
    for (const zone of ['Asia/Kolkata', 'Australia/Lord_Howe', 'UTC']) {
      await stack.services.db.transaction(async (tx) => {
        await tx.execute(sql.raw(`set local time zone '${zone}'`));
        await takeHourlyQuota(tx, `zone ${zone}`, 5, at);
      });
    }
    const rows = await stack.sql`select distinct window_start from quotas where name like 'zone %'`;
    expect(rows.map(({ window_start }) => new Date(window_start).toISOString())).toEqual([
      '2026-01-01T12:00:00.000Z',
    ]);
  });

  test('heals when a clock that was ahead opened its window, and does not reset between neighbouring hours', async () => {
    const { db } = stack.services;
    const take = (at: number) => takeHourlyQuota(db, 'healing', 2, at);
    const now = Date.UTC(2026, 0, 1, 12, 59, 59);
    expect(await take(now + 10 * HOUR_MS)).toBe(true);
    expect([await take(now), await take(now), await take(now)]).toEqual([true, true, false]);
    expect([await take(now + 1_000), await take(now)]).toEqual([true, true]);
    expect([await take(now), await take(now + 1_000)]).toEqual([false, false]);
  });
});
