import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { evaluate } from '../src/alerts/evaluation/evaluate-records.ts';
import { holdRuleBook } from '../src/alerts/evaluation/rule-book.ts';
import { type AlertRig, above, passTime, startAlertRig } from './alerts.ts';
import { hastyClock } from './clocks.ts';
import { createTestDatabase, startStack, until } from './harness.ts';
import { recordingLog } from './logs.ts';
import { startTcpProxy } from './tcp-proxy.ts';

const DAY_US = 86_400_000_000;

let rig: AlertRig;

beforeAll(async () => {
  rig = await startAlertRig(await startStack({ clock: hastyClock() }));
}, 60_000);
afterEach(async () => {
  await rig.stack.sql`delete from alert_rules`;
  await rig.stack.sql`update alert_rule_book set revision = revision + 1`;
});
afterAll(async () => {
  rig.close();
  await rig.stack.close();
});

describe('the evaluation', () => {
  test('of records on which a rule fails goes on with the other rules, and the records are stored', async () => {
    const device = await rig.startDevice();
    const { sql } = rig.stack;
    const broken = await rig.addRule({ name: 'broken', condition: above(30) });
    const { id } = await rig.addRule({ name: 'works', condition: above(30) });
    await sql.unsafe(`
      create function refuse_state() returns trigger language plpgsql as $$
      begin
        if new.rule_id = '${broken.id}' then raise exception 'refused' using errcode = '22000'; end if;
        return new;
      end $$;
      create trigger refuse_state before insert on alert_states for each row execute function refuse_state();`);
    await device.send({ temperature: 31 });
    await rig.alertsAre(device.uuid, ['firing'], id);
    expect(await rig.alerts({ rule: broken.id })).toEqual([]);
    await sql`drop trigger refuse_state on alert_states`;
    await sql`drop function refuse_state`;
    await device.send({ temperature: 32 });
    await rig.alertsAre(device.uuid, ['firing'], broken.id);
    await until('no record is left to be evaluated', async () => {
      return (await sql`select from alert_unevaluated`).length === 0;
    });
  });

  test('leaves a rule out that this version cannot read', async () => {
    const device = await rig.startDevice();
    const { id } = await rig.addRule({ condition: above(30) });
    await rig.stack.sql`
      insert into alert_rules (name, enabled, scope_kind, kind, condition, created_by)
      values ('of a later version', true, 'all', 'threshold', '{"kind":"threshold","shape":"new"}', 'test')`;
    await rig.stack.sql`update alert_rule_book set revision = revision + 1`;
    await device.send({ temperature: 31 });
    await rig.alertsAre(device.uuid, ['firing'], id);
  });

  test('does not read the days that a late record of the batch goes back', async () => {
    const device = await rig.startDevice();
    const { id } = await rig.addRule({ condition: above(30) });
    await device.send({ other: 1 });
    const now = Date.now() * 1_000;
    const late = { deviceId: device.uuid, atUs: now - 3 * DAY_US, receivedUs: now, body: { temperature: 1 } };
    const timely = { deviceId: device.uuid, atUs: now, receivedUs: now + 1, body: { temperature: 31 } };
    const between = new Date((now - 2 * DAY_US) / 1_000).toISOString().slice(0, 10).replaceAll('-', '');
    await rig.stack.sql.begin(async (lock) => {
      await lock.unsafe(`lock table telemetry_${between} in access exclusive mode`);
      await rig.stack.services.db.transaction(async (tx) => {
        const rule = (await holdRuleBook(tx, undefined)).rules.get(id);
        if (!rule) throw new Error('no rule');
        await evaluate(tx, [rule], [late, timely]);
      });
    });
    await rig.alertsAre(device.uuid, ['firing'], id);
  });

  test('counts as many lost records as a device can number', async () => {
    const device = await rig.startDevice();
    const { id } = await rig.addRule({ condition: { kind: 'lost', count: 1_000_000, minutes: 60 } });
    await device.send({ b: 7, n: 1 });
    await device.send({ b: 7, n: 4_000_000_000 });
    const [alert] = await rig.alertsAre(device.uuid, ['firing'], id);
    expect(alert?.value).toBe(3_999_999_998);
  });

  test('takes no data for missing, no value for lasting and nobody for offline before it has caught up after a restart', async () => {
    const { stack } = rig;
    const [sends, connects, cools] = [
      await rig.startDevice(),
      await rig.startDevice(),
      await rig.startDevice(),
    ];
    const missing = await rig.addRule({
      scope: { kind: 'device', device: sends.uuid },
      condition: { kind: 'missing', seconds: 600 },
    });
    const offline = await rig.addRule({
      scope: { kind: 'device', device: connects.uuid },
      condition: { kind: 'offline', seconds: 60 },
    });
    const lasting = await rig.addRule({
      scope: { kind: 'device', device: cools.uuid },
      condition: above(30, { forSeconds: 600 }),
    });
    await sends.send({ temperature: 20 });
    await cools.send({ temperature: 31 });
    await stack.stopServer();
    // What nobody has read yet: the broker keeps the record, and knows that the other device is connected.
    await sends.client.publishAsync(`device/${sends.uuid}/data`, '{"temperature":21}', { qos: 1 });
    await cools.client.publishAsync(`device/${cools.uuid}/data`, '{"temperature":20}', { qos: 1 });
    await passTime(rig, missing.id);
    await passTime(rig, lasting.id);
    await stack.sql`
      update devices set connected_at = null, last_session_at = now() - interval '1 hour',
        session_noted_at = now() - interval '1 hour' where id = ${connects.uuid}`;
    await stack.startServer();
    await rig.stored(sends.uuid, 2);
    await rig.stored(cools.uuid, 2);
    await until('it is known to be connected', async () => {
      const [row] = await stack.sql`select connected_at from devices where id = ${connects.uuid}`;
      return row?.connected_at !== null;
    });
    expect(await rig.alerts({ rule: missing.id })).toEqual([]);
    expect(await rig.alerts({ rule: lasting.id })).toEqual([]);
    expect(await rig.alerts({ rule: offline.id })).toEqual([]);
    await passTime(rig, missing.id);
    await until('the watcher catches up', async () => {
      const [row] = await stack.sql`
        select from leases as seen join leases as ingest using (epoch)
        where seen.name = 'alert-watcher' and ingest.name = 'ingest'`;
      return row !== undefined;
    });
    await stack.sql`update leases set expires_at = now() where name = 'alert-watcher'`;
    await rig.alertsAre(sends.uuid, ['firing'], missing.id);
  });
});

test('the evaluation takes nothing for missing that waited for the database', async () => {
  const database = await createTestDatabase();
  const { port } = new URL(database.url);
  const proxy = await startTcpProxy({ target: () => Number(port) });
  const url = new URL(database.url);
  url.hostname = '127.0.0.1';
  url.port = String(proxy.port);
  const { log, lines } = recordingLog();
  const stack = await startStack({ database, log, clock: hastyClock(), env: { DATABASE_URL: url.href } });
  const away = await startAlertRig(stack);
  try {
    const device = await away.startDevice();
    const { id } = await away.addRule({ condition: { kind: 'missing', seconds: 600 } });
    await device.send({ temperature: 20 });
    await proxy.refuse();
    await until('the watcher waits for the database', () =>
      lines.some(({ msg }) => msg.includes('alert rules wait for the database')),
    );
    await passTime(away, id);
    await proxy.pass();
    await until('the watcher lets the records be stored first', async () => {
      const [row] =
        await stack.sql`select expires_at > now() as holds from leases where name = 'alert-watcher'`;
      return row?.holds === true;
    });
    expect(await stack.sql`select 1 from alerts`).toHaveLength(0);
    await stack.sql`update leases set expires_at = now() where name = 'alert-watcher'`;
    await away.alertsAre(device.uuid, ['firing'], id);
  } finally {
    await proxy.pass();
    away.close();
    await stack.close();
    await proxy.close();
    await database.close();
  }
}, 60_000);
