import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { DASHBOARD_FOLDER } from '../dashboard/build.ts';
import { MIGRATIONS_FOLDER } from '../dev/stack.ts';
import { CATCH_UP_LEASE } from '../src/alerts/evaluation/catching-up.ts';
import { healTimes } from '../src/alerts/heal-times.ts';
import { claimCommands } from '../src/commands/delivery-store.ts';
import { loadConfig } from '../src/config.ts';
import { systemClock } from '../src/platform/clock.ts';
import { readDatabaseTime } from '../src/platform/db/database-clock.ts';
import { takeLease } from '../src/platform/fenced-lease.ts';
import { createLogger } from '../src/platform/logger.ts';
import { takeHourlyQuota } from '../src/platform/quota.ts';
import { systemRandom } from '../src/platform/random.ts';
import { startServices } from '../src/server.ts';
import { callDevice, registerDevice, type Stack, startStack, tokenPath, until } from './harness.ts';
import { ADMIN, ADMIN_ENV, addApiKey, logIn } from './operators.ts';

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

describe('what a clock that was a year ahead has left behind', () => {
  test('a session heals when it is used, and when someone logs in: it does not last a year', async () => {
    const [used] = [await logIn(stack), await logIn(stack)];
    await stack.sql`
      update operator_sessions set created_at = created_at + interval '1 year',
        last_used_at = last_used_at + interval '1 year', expires_at = expires_at + interval '1 year'`;
    const ahead = () =>
      stack.sql`select from operator_sessions where last_used_at > now() + interval '1 hour'
        or expires_at > now() + interval '8 days'`;
    const before = (await ahead()).length;
    expect((await used?.call('GET', '/session'))?.status).toBe(200);
    expect(await ahead()).toHaveLength(before - 1);
    await logIn(stack);
    expect(await ahead()).toHaveLength(0);
  });

  test('the last use of an API key is that of its next use', async () => {
    const { authorization } = await addApiKey(await logIn(stack), { name: 'ahead', role: 'viewer' });
    await stack.sql`update api_keys set last_used_at = now() + interval '1 year' where name = 'ahead'`;
    expect((await fetch(`${stack.url}/api/v1/devices`, { headers: { authorization } })).status).toBe(200);
    const [key] =
      await stack.sql`select last_used_at <= now() + interval '1 minute' as healed from api_keys where name = 'ahead'`;
    expect(key?.healed).toBe(true);
  });

  test('an entry of a refused credential hides no other', async () => {
    const { uuid } = await registerDevice(stack.url);
    await stack.sql`
      insert into audit_log (at, actor_kind, actor, action, subject)
      values (now() + interval '1 year', 'device', ${uuid}, 'credential.refused', ${uuid})`;
    expect((await callDevice(stack.url, tokenPath(uuid), 'wrong'.repeat(9))).status).toBe(401);
    await until('the refusal is written', async () => {
      const rows =
        await stack.sql`select from audit_log where action = 'credential.refused' and subject = ${uuid}`;
      return rows.length === 2;
    });
  }, 30_000);

  test('a pairing code is over: none lasts as long', async () => {
    const [agent, master] = [
      await registerDevice(stack.url, 'agent'),
      await registerDevice(stack.url, 'master'),
    ];
    const call = async (device: typeof agent, method: string, path: string, body?: object) =>
      (await (
        await fetch(`${stack.url}/devices/${path}`, {
          method,
          headers: { authorization: `Bearer ${device.token}`, 'content-type': 'application/json' },
          ...(body ? { body: JSON.stringify(body) } : {}),
        })
      ).json()) as { c: string; r?: string; code?: string };
    const { code } = await call(agent, 'POST', 'pairing-code');
    await stack.sql`update pairing_codes set expires_at = expires_at + interval '1 year' where agent_id = ${agent.uuid}`;
    expect(await call(master, 'PUT', `agents/${agent.uuid}`, { code })).toMatchObject({ r: 'wrong_device' });
    const again = await call(agent, 'POST', 'pairing-code');
    expect(await call(master, 'PUT', `agents/${agent.uuid}`, { code: again.code })).toMatchObject({
      c: 'OK',
    });
  });

  test('a command is claimed: nobody holds one, or waits with one, for as long', async () => {
    const { uuid } = await registerDevice(stack.url);
    await stack.sql`update devices set connected_at = now() where id = ${uuid}`;
    const api = await logIn(stack);
    const { body } = await api.call('POST', `/devices/${uuid}/commands`, { c: 'ON' });
    const { id } = body as { id: string };
    await stack.sql`
      update commands set next_attempt_at = now() + interval '1 year', claimed_until = now() + interval '1 year' where id = ${id}`;
    await until('its next attempt is soon', async () => {
      await claimCommands(stack.services.db, [uuid]);
      const [row] = await stack.sql`
        select next_attempt_at < now() + interval '1 hour' and claimed_until < now() + interval '1 hour' as soon
        from commands where id = ${id}`;
      return row?.soon === true;
    });
  });

  test('a lease is free: no term is as long', async () => {
    const { db } = stack.services;
    await stack.sql`insert into leases (name, holder, expires_at) values ('ahead', 'gone', now() + interval '1 year')`;
    expect(await takeLease(db, 'ahead', 'next')).toMatchObject({ holder: 'next' });
    expect(await takeLease(db, 'ahead', 'another')).toBeUndefined();
  });

  test('alerts and their messages wait no longer than they should', async () => {
    const id = randomUUID();
    const ahead = '1 year';
    await stack.sql`
      insert into alert_rules (id, name, enabled, scope_kind, kind, condition, channels, created_by)
      values (${id}, 'ahead', false, 'all', 'missing', '{"kind":"missing","seconds":600}'::text::jsonb, '{}', 'test')`;
    await stack.sql`
      insert into alert_states (rule_id, device_id, state, since, due_at)
      values (${id}, ${randomUUID()}, 'ok', now(), now() + ${ahead}::interval),
        (${id}, ${randomUUID()}, 'ok', now(), now() + interval '9 minutes')`;
    await stack.sql`
      insert into alert_channels (id, name, kind, target, enabled, collected_at)
      values (${id}, 'ahead', 'ntfy', '{}', false, now() + ${ahead}::interval)`;
    await stack.sql`
      insert into alert_messages (id, channel_id, content, title, alerts, next_attempt_at, claimed_until)
      values ('ahead', ${id}, '{}', '', 1, now() + ${ahead}::interval, now() + ${ahead}::interval),
        ('right', ${id}, '{}', '', 1, now() + interval '1 day', now() + interval '1 minute')`;
    await stack.sql`
      insert into leases (name, holder, expires_at) values (${CATCH_UP_LEASE}, '', now() + ${ahead}::interval)
      on conflict (name) do update set expires_at = excluded.expires_at`;

    await healTimes(stack.services.db);
    expect([
      ...(await stack.sql`
        select due_at <= now() + interval '11 minutes' as soon, due_at < now() + interval '9.5 minutes' as kept
        from alert_states where rule_id = ${id} order by due_at`),
    ]).toEqual([
      { soon: true, kept: true },
      { soon: true, kept: false },
    ]);
    expect([...(await stack.sql`select collected_at from alert_channels where id = ${id}`)]).toEqual([
      { collected_at: null },
    ]);
    expect([
      ...(await stack.sql`
        select id, next_attempt_at <= now() as due, claimed_until is null as free from alert_messages
        where channel_id = ${id} order by id`),
    ]).toEqual([
      { id: 'ahead', due: true, free: true },
      { id: 'right', due: false, free: false },
    ]);
    const [lease] =
      await stack.sql`select expires_at <= now() as over from leases where name = ${CATCH_UP_LEASE}`;
    expect(lease).toEqual({ over: true });
  });
});
