import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { type AlertPreview, alertPreview } from '../contract/api/alert-rules.ts';
import { makeTelemetryPartitions } from '../src/telemetry/store/retention.ts';
import { type AlertRig, above, startAlertRig } from './alerts.ts';
import { hastyClock } from './clocks.ts';
import { insertDevices } from './devices.ts';
import { startStack } from './harness.ts';

let rig: AlertRig;

beforeAll(async () => {
  rig = await startAlertRig(await startStack({ clock: hastyClock() }));
  // The server makes them in the background.
  await makeTelemetryPartitions(rig.stack.sql, Date.now());
}, 60_000);
afterAll(async () => {
  rig.close();
  await rig.stack.close();
});

async function preview(device: string, condition: unknown): Promise<AlertPreview> {
  const response = await rig.call('POST', '/alert-rules/preview', {
    scope: { kind: 'device', device },
    condition,
  });
  expect(response.status).toBe(200);
  return alertPreview.parse(await response.json());
}

/** A device with records of the last day: minutes ago and temperature. */
async function deviceWith(records: readonly (readonly [minutesAgo: number, temperature: number])[]) {
  const [device = ''] = await insertDevices(rig.stack, 1, () => ({}));
  const [known] = await rig.stack.sql`
    insert into telemetry_devices (device_id, last_received_at) values (${device}, now()) returning key`;
  for (const [minutes, temperature] of records) {
    const at = new Date(Date.now() - minutes * 60_000).toISOString();
    await rig.stack.sql`
      insert into telemetry (device, at, received, data)
      values (${known?.key}, ${at}, ${at}, ${rig.stack.sql.json({ temperature })})`;
  }
  return device;
}

describe('a preview', () => {
  test('of a threshold counts what would have fired in the last day, and keeps nothing', async () => {
    const device = await deviceWith([
      [90, 20],
      [80, 31],
      [70, 29],
      [60, 27],
      [50, 35],
    ]);
    const found = await preview(device, above(30, { clear: 28 }));
    expect(found).toMatchObject({ devices: 1, examined: 1, fired: 2, truncated: false });
    expect(found.alerts.map(({ value, resolvedAt }) => [value, resolvedAt !== null])).toEqual([
      [35, false],
      [31, true],
    ]);
    expect(await rig.alerts({ device })).toEqual([]);
    expect((await preview(device, above(30, { clear: 28, forSeconds: 1_800 }))).fired).toBe(1);
    expect((await preview(device, above(30, { forSeconds: 1_800 }))).fired).toBe(1);
    expect((await preview(device, above(34, { forSeconds: 3_600 }))).fired).toBe(0);
    expect((await preview(device, above(40))).fired).toBe(0);
  });

  test('of missing data finds the gaps', async () => {
    const device = await deviceWith([
      [90, 20],
      [80, 20],
      [30, 20],
      [25, 20],
    ]);
    const { alerts } = await preview(device, { kind: 'missing', seconds: 1_200 });
    expect(alerts.map(({ resolvedAt }) => resolvedAt !== null)).toEqual([false, true]);
  });

  test('of offline, flapping and lost records goes by what was noted', async () => {
    const [device = ''] = await insertDevices(rig.stack, 1, () => ({}));
    await rig.stack.sql`
      insert into device_sessions (device_id, connected_at, disconnected_at, noted_at)
      select ${device}, at, at + interval '1 minute', at
      from unnest(array[now() - interval '5 hours', now() - interval '4 hours', now() - interval '238 minutes']) as at`;
    await rig.stack.sql`
      insert into alert_losses (device_id, minute, lost)
      values (${device}, now() - interval '3 hours', 6), (${device}, now() - interval '2 hours', 1)`;
    const offline = await preview(device, { kind: 'offline', seconds: 600 });
    expect(offline.alerts.map(({ resolvedAt }) => resolvedAt !== null)).toEqual([false, true]);
    expect((await preview(device, { kind: 'flapping', connects: 2, minutes: 5 })).fired).toBe(1);
    expect((await preview(device, { kind: 'flapping', connects: 3, minutes: 5 })).fired).toBe(0);
    expect((await preview(device, { kind: 'lost', count: 5, minutes: 10 })).fired).toBe(1);
    expect((await preview(device, { kind: 'lost', count: 7, minutes: 10 })).fired).toBe(0);
  });

  test('of more devices than it examines says so', async () => {
    const ids = await insertDevices(rig.stack, 201, () => ({}));
    await rig.stack.sql`update devices set tags = '{many}' where id = any(${ids})`;
    const response = await rig.call('POST', '/alert-rules/preview', {
      scope: { kind: 'tag', tag: 'many' },
      condition: above(30),
    });
    expect(await response.json()).toMatchObject({ devices: 201, examined: 200, fired: 0, truncated: true });
  });
});
