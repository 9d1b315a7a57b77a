import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { type AlertRig, above, passTime, startAlertRig } from './alerts.ts';
import { hastyClock } from './clocks.ts';
import { startStack, until } from './harness.ts';

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

function stateOf(rule: string, device: string) {
  return async () => {
    const [row] = await rig.stack
      .sql`select state from alert_states where rule_id = ${rule} and device_id = ${device}`;
    return row?.state as string | undefined;
  };
}

describe('a threshold', () => {
  test('fires beyond its value, stays until the clearing threshold, and fires again', async () => {
    const device = await rig.startDevice();
    const { id } = await rig.addRule({ name: 'too warm', condition: above(30, { clear: 28 }) });
    await device.send({ temperature: 30 });
    expect(await rig.alerts({ device: device.uuid })).toEqual([]);
    await device.send({ temperature: 30.5 });
    const [alert] = await rig.alertsAre(device.uuid, ['firing']);
    expect(alert).toMatchObject({
      rule: { id, name: 'too warm', kind: 'threshold' },
      device: { id: device.uuid, name: '' },
      message: 'temperature is 30.5, above 30.',
      value: 30.5,
      resolvedAt: null,
      resolution: null,
      acknowledgedAt: null,
      silencedUntil: null,
    });
    await device.send({ temperature: 29 });
    await device.send({ temperature: 31 });
    expect(await rig.alertsAre(device.uuid, ['firing'])).toEqual([alert] as never);
    await device.send({ temperature: 28 });
    const [resolved] = await rig.alertsAre(device.uuid, ['resolved']);
    expect(resolved).toMatchObject({ id: alert?.id, resolution: 'cleared', change: 2 });
    await device.send({ temperature: 40 });
    await rig.alertsAre(device.uuid, ['firing', 'resolved']);
  });

  test('below a value fires below it, and on a text or a missing field not at all', async () => {
    const device = await rig.startDevice();
    await rig.addRule({ condition: { kind: 'threshold', field: 'battery', direction: 'below', value: 3.3 } });
    for (const record of [{ battery: 'empty' }, { other: 1 }, { battery: null }]) await device.send(record);
    expect(await rig.alerts({ device: device.uuid })).toEqual([]);
    await device.send({ battery: 3.2 });
    await rig.alertsAre(device.uuid, ['firing']);
  });

  test('that jumps to and fro within one batch fires each time', async () => {
    const device = await rig.startDevice();
    await rig.addRule({ condition: above(30) });
    const values = [31, 20, 32, 20, 33];
    await Promise.all(
      values.map((temperature) =>
        device.client.publishAsync(`device/${device.uuid}/data`, JSON.stringify({ temperature }), { qos: 1 }),
      ),
    );
    const alerts = await rig.alertsAre(device.uuid, ['firing', 'resolved', 'resolved']);
    expect(alerts.map(({ value }) => value)).toEqual([33, 32, 31]);
  });

  test('with a duration is pending until that has passed', async () => {
    const device = await rig.startDevice();
    const { id } = await rig.addRule({ condition: above(30, { forSeconds: 600 }) });
    await device.send({ temperature: 31 });
    expect(await stateOf(id, device.uuid)()).toBe('pending');
    expect(await (await rig.call('GET', `/alert-rules/${id}`)).json()).toMatchObject({
      pending: 1,
      firing: 0,
    });
    await passTime(rig, id);
    const [alert] = await rig.alertsAre(device.uuid, ['firing']);
    expect(alert?.message).toBe('temperature has been above 30 for 10 minutes; it was 31 when that began.');
    expect(await stateOf(id, device.uuid)()).toBe('firing');
  });

  test('with a duration does not fire when the value is back before', async () => {
    const device = await rig.startDevice();
    const { id } = await rig.addRule({ condition: above(30, { forSeconds: 600 }) });
    await device.send({ temperature: 31 });
    await device.send({ temperature: 29 });
    expect(await stateOf(id, device.uuid)()).toBe('ok');
    const other = await rig.startDevice();
    await other.send({ temperature: 31 });
    await passTime(rig, id);
    await rig.alertsAre(other.uuid, ['firing']);
    expect(await rig.alerts({ device: device.uuid })).toEqual([]);
  });

  test('the duration counts from the measurement, by a timer in the database', async () => {
    const device = await rig.startDevice();
    const { id } = await rig.addRule({ condition: above(30, { forSeconds: 600 }) });
    await device.send({ temperature: 31, ts: Date.now() - 120_000 });
    const [row] = await rig.stack.sql`
      select extract(epoch from due_at - now())::float8 as seconds from alert_states where rule_id = ${id}`;
    expect(row?.seconds).toBeGreaterThan(400);
    expect(row?.seconds).toBeLessThanOrEqual(480);
  });

  test('late records move nothing: neither old ones, nor those older than one that is stored', async () => {
    const device = await rig.startDevice();
    await rig.addRule({ condition: above(30) });
    const now = Date.now();
    await device.send({ temperature: 50, ts: now - 301_000 });
    await device.send({ temperature: 20, ts: now - 10_000 });
    await device.send({ temperature: 50, ts: now - 20_000 });
    expect(await rig.alerts({ device: device.uuid })).toEqual([]);
    await device.send({ temperature: 50, ts: now - 5_000 });
    await rig.alertsAre(device.uuid, ['firing']);
    await device.send({ temperature: 20, ts: now - 6_000 });
    await device.send({ temperature: 20, ts: now - 400_000 });
    await rig.alertsAre(device.uuid, ['firing']);
    await device.send({ temperature: 20 });
    await rig.alertsAre(device.uuid, ['resolved']);
  });
});

describe('the scope of a rule', () => {
  test('holds a device, or those with a tag, and no others', async () => {
    const [one, tagged, other] = [await rig.startDevice(), await rig.startDevice(), await rig.startDevice()];
    await rig.stack.sql`update devices set tags = '{roof}' where id = ${tagged.uuid}`;
    await rig.addRule({ scope: { kind: 'device', device: one.uuid }, condition: above(30) });
    await rig.addRule({ scope: { kind: 'tag', tag: 'roof' }, condition: above(30) });
    for (const device of [one, tagged, other]) await device.send({ temperature: 31 });
    await rig.alertsAre(one.uuid, ['firing']);
    await rig.alertsAre(tagged.uuid, ['firing']);
    expect(await rig.alerts({ device: other.uuid })).toEqual([]);
  });

  test('ends for a device that loses its tag, is revoked or deleted', async () => {
    const devices = [await rig.startDevice(), await rig.startDevice(), await rig.startDevice()];
    const [untagged, revoked, deleted] = devices;
    if (!untagged || !revoked || !deleted) throw new Error('no devices');
    for (const { uuid } of devices)
      await rig.stack.sql`update devices set tags = '{cellar}' where id = ${uuid}`;
    await rig.addRule({ scope: { kind: 'tag', tag: 'cellar' }, condition: above(30) });
    for (const device of devices) await device.send({ temperature: 31 });
    await rig.stack.sql`update devices set tags = '{}' where id = ${untagged.uuid}`;
    await rig.call('POST', `/devices/${revoked.uuid}/revoke`);
    await rig.call('DELETE', `/devices/${deleted.uuid}`);
    const resolutions = await Promise.all(
      devices.map(async ({ uuid }) => (await rig.alertsAre(uuid, ['resolved']))[0]?.resolution),
    );
    expect(resolutions).toEqual(['out_of_scope', 'device_inactive', 'device_inactive']);
    const [left] = await rig.stack.sql`select count(*)::int as count from alert_states`;
    expect(left?.count).toBe(0);
  });
});

describe('missing data', () => {
  test('fires when nothing arrived in time, and is resolved by the next record', async () => {
    const device = await rig.startDevice();
    const { id } = await rig.addRule({ condition: { kind: 'missing', seconds: 600 } });
    await device.send({ temperature: 20 });
    const [row] = await rig.stack.sql`
      select state, extract(epoch from due_at - now())::float8 as seconds from alert_states
      where rule_id = ${id} and device_id = ${device.uuid}`;
    expect(row?.state).toBe('ok');
    expect(row?.seconds).toBeGreaterThan(610);
    expect(row?.seconds).toBeLessThanOrEqual(630);
    await passTime(rig, id);
    const [alert] = await rig.alertsAre(device.uuid, ['firing']);
    expect(alert).toMatchObject({ message: 'No record was received for 10 minutes.', value: 600 });
    await device.send({ temperature: 21 });
    await rig.alertsAre(device.uuid, ['resolved']);
    await passTime(rig, id);
    await rig.alertsAre(device.uuid, ['firing', 'resolved']);
  });

  test('of a field counts records with that field alone', async () => {
    const device = await rig.startDevice();
    const { id } = await rig.addRule({ condition: { kind: 'missing', seconds: 60, field: 'flow' } });
    await device.send({ flow: 1 });
    await passTime(rig, id);
    await rig.alertsAre(device.uuid, ['firing']);
    await device.send({ temperature: 21 });
    expect(await rig.alerts({ device: device.uuid, state: 'firing' })).toHaveLength(1);
    await device.send({ flow: 2 });
    const [alert] = await rig.alertsAre(device.uuid, ['resolved']);
    expect(alert?.message).toBe('No record with flow was received for 1 minute.');
  });

  test('is expected of devices that have sent before, and of no others', async () => {
    const [silent, never] = [await rig.startDevice(), await rig.startDevice()];
    await silent.send({ temperature: 1 });
    await rig.stack.sql`
      update telemetry_devices set last_received_at = now() - interval '1 hour' where device_id = ${silent.uuid}`;
    const { id } = await rig.addRule({ condition: { kind: 'missing', seconds: 600 } });
    await rig.alertsAre(silent.uuid, ['firing']);
    expect(await stateOf(id, never.uuid)()).toBeUndefined();
  });
});

describe('what no record tells', () => {
  test('a device that is offline for too long fires until it is back', async () => {
    const device = await rig.startDevice();
    const { uuid } = device;
    const { id } = await rig.addRule({ condition: { kind: 'offline', seconds: 300 } });
    const isOnline = (online: boolean) =>
      until(`online is ${online}`, async () => {
        const [row] = await rig.stack.sql`select connected_at from devices where id = ${uuid}`;
        return (row?.connected_at !== null) === online;
      });
    await isOnline(true);
    await device.client.endAsync();
    await isOnline(false);
    await rig.stack
      .sql`update devices set session_noted_at = now() - interval '400 seconds' where id = ${uuid}`;
    const [alert] = await rig.alertsAre(uuid, ['firing'], id);
    expect(alert).toMatchObject({ message: 'Offline for more than 5 minutes.' });
    expect(alert?.value).toBeGreaterThanOrEqual(390);
    device.client.reconnect();
    const [resolved] = await rig.alertsAre(uuid, ['resolved'], id);
    expect(resolved?.resolution).toBe('cleared');
  });

  test('a device that keeps connecting flaps until it has been quiet', async () => {
    const { uuid } = await rig.startDevice();
    await rig.stack.sql`
      insert into device_sessions (device_id, connected_at, noted_at)
      select ${uuid}, now() - at * interval '1 second', now() from generate_series(100, 105) as at`;
    const { id } = await rig.addRule({
      scope: { kind: 'device', device: uuid },
      condition: { kind: 'flapping', connects: 6, minutes: 10 },
    });
    const [alert] = await rig.alertsAre(uuid, ['firing'], id);
    expect(alert?.message).toMatch(/^[67] sessions began within 10 minutes\.$/);
    await rig.stack.sql`
      update device_sessions set noted_at = now() - interval '11 minutes'
      where device_id = ${uuid} and connected_at < now() - interval '101 seconds'`;
    await rig.alertsAre(uuid, ['resolved'], id);
  });

  test('records that a device lost fire, and those that arrive late are taken off', async () => {
    const device = await rig.startDevice();
    const { id } = await rig.addRule({ condition: { kind: 'lost', count: 5, minutes: 60 } });
    await device.send({ b: 7, n: 1 });
    await device.send({ b: 7, n: 8 });
    const [alert] = await rig.alertsAre(device.uuid, ['firing'], id);
    expect(alert).toMatchObject({ message: '6 records were lost within 1 hour.', value: 6 });
    for (const n of [2, 3, 4]) await device.send({ b: 7, n });
    expect((await rig.alerts({ rule: id, state: 'firing' })).length).toBe(1);
    await device.send({ b: 7, n: 5 });
    await rig.alertsAre(device.uuid, ['resolved'], id);
  });

  test('records that were lost at the end of a minute fire as well', async () => {
    const { uuid } = await rig.startDevice();
    const { id } = await rig.addRule({ condition: { kind: 'lost', count: 1, minutes: 1 } });
    // Noted by the minute: of the last of its seconds, 50 are within the window.
    await rig.stack.sql`
      insert into alert_losses (device_id, minute, lost) values (${uuid}, now() - interval '70 seconds', 1)`;
    await rig.alertsAre(uuid, ['firing'], id);
    await rig.stack
      .sql`update alert_losses set minute = minute - interval '50 seconds' where device_id = ${uuid}`;
    await rig.alertsAre(uuid, ['resolved'], id);
  });
});
