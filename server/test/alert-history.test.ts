import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { type AlertSummary, alert as alertSchema } from '../contract/api/alerts.ts';
import { fleetEvents } from '../contract/api/events.ts';
import { type AlertRig, above, startAlertRig } from './alerts.ts';
import { hastyClock } from './clocks.ts';
import { auditOf } from './devices.ts';
import { readEvents } from './event-reader.ts';
import { startStack, until } from './harness.ts';

let rig: AlertRig;

beforeAll(async () => {
  rig = await startAlertRig(await startStack({ clock: hastyClock() }));
}, 60_000);
afterAll(async () => {
  rig.close();
  await rig.stack.close();
});

/** A device for which a rule of its own fires. */
async function fire() {
  const device = await rig.startDevice();
  const scope = { kind: 'device', device: device.uuid };
  const { id: rule } = await rig.addRule({ scope, condition: above(30) });
  await device.send({ temperature: 31 });
  const [alert] = await rig.alertsAre(device.uuid, ['firing']);
  if (!alert) throw new Error('no alert');
  return { device, rule, alert };
}

const tomorrow = () => new Date(Date.now() + 86_400_000).toISOString();

describe('an alert', () => {
  test('is read by its number; an unknown one is not found', async () => {
    const { alert } = await fire();
    const read = await (await rig.call('GET', `/alerts/${alert.id}`)).json();
    expect(read).toEqual(alert);
    alertSchema.strict().parse(read);
    for (const id of ['999999', 'x', randomUUID(), '0', '1e3', '9'.repeat(15)]) {
      expect((await rig.call('GET', `/alerts/${id}`)).status, id).toBe(404);
      expect((await rig.call('POST', `/alerts/${id}/acknowledge`)).status, id).toBe(404);
      expect((await rig.call('PUT', `/alerts/${id}/silence`, { until: null })).status, id).toBe(404);
    }
  });

  test('is acknowledged once, by whoever was first', async () => {
    const { alert, device } = await fire();
    const acknowledge = async () => (await rig.call('POST', `/alerts/${alert.id}/acknowledge`)).json();
    const first = await acknowledge();
    expect(first).toMatchObject({ state: 'firing', change: 2 });
    expect(alertSchema.parse(first).acknowledgedBy).toStartWith('admin ');
    expect(await acknowledge()).toEqual(first);
    const audit = (await auditOf(rig.stack, device.uuid)).filter(({ action }) => action.startsWith('alert.'));
    expect(audit).toMatchObject([{ action: 'alert.acknowledged', after: { alert: alert.id } }]);
    expect(await rig.alerts({ device: device.uuid, acknowledged: 'true' })).toHaveLength(1);
    expect(await rig.alerts({ device: device.uuid, acknowledged: 'false' })).toHaveLength(0);
  });

  test('shows the latest silence of itself, its rule and its device, and its end', async () => {
    const { alert, device, rule } = await fire();
    const later = new Date(Date.now() + 2 * 86_400_000).toISOString();
    const silenced = async () => {
      const read = alertSchema.parse(await (await rig.call('GET', `/alerts/${alert.id}`)).json());
      return read.silencedUntil;
    };
    const until = tomorrow();
    await rig.call('PUT', `/alerts/${alert.id}/silence`, { until });
    expect(await silenced()).toBe(until);
    const ofRule = await rig.call('PUT', `/alert-rules/${rule}/silence`, { until: later });
    expect(await ofRule.json()).toMatchObject({ silencedUntil: later, version: 1 });
    expect(await silenced()).toBe(later);
    await rig.call('PUT', `/alert-rules/${rule}/silence`, { until: null });
    await rig.call('PUT', `/alerts/${alert.id}/silence`, { until: null });
    expect(await silenced()).toBeNull();
    const path = `/devices/${device.uuid}/alert-silence`;
    expect(await (await rig.call('PUT', path, { until })).json()).toEqual({ silencedUntil: until });
    expect(await (await rig.call('GET', path)).json()).toEqual({ silencedUntil: until });
    expect(await silenced()).toBe(until);
    await rig.call('PUT', path, { until: null });
    expect(await (await rig.call('GET', path)).json()).toEqual({ silencedUntil: null });
    expect(await silenced()).toBeNull();
  });

  test.each([
    ['an hour ago', new Date(Date.now() - 3_600_000).toISOString()],
    ['in two years', new Date(Date.now() + 2 * 366 * 86_400_000).toISOString()],
    ['soon', 'soon'],
  ])('is not silenced until %s', async (_, until) => {
    const { alert, device, rule } = await fire();
    for (const path of [`/alerts/${alert.id}/silence`, `/alert-rules/${rule}/silence`]) {
      expect((await rig.call('PUT', path, { until })).status).toBe(422);
    }
    expect((await rig.call('PUT', `/devices/${device.uuid}/alert-silence`, { until })).status).toBe(422);
  });

  test('an unknown device or rule cannot be silenced', async () => {
    const body = { until: tomorrow() };
    for (const path of [`/devices/${randomUUID()}/alert-silence`, `/alert-rules/${randomUUID()}/silence`]) {
      expect((await rig.call('PUT', path, body)).status).toBe(404);
    }
    expect((await rig.call('GET', `/devices/${randomUUID()}/alert-silence`)).status).toBe(404);
  });
});

describe('the list of alerts', () => {
  test('is cut into pages, filtered and counted', async () => {
    const { device, rule } = await fire();
    for (const temperature of [10, 40, 11, 41]) await device.send({ temperature });
    const all = await rig.alertsAre(device.uuid, ['firing', 'resolved', 'resolved']);
    const page = async (query: string) =>
      (await (await rig.call('GET', `/alerts?device=${device.uuid}&limit=2${query}`)).json()) as {
        items: unknown[];
        next: string | null;
        total: number;
      };
    const first = await page('');
    expect(first).toMatchObject({ items: all.slice(0, 2), total: 3 });
    const second = await page(`&cursor=${first.next}`);
    expect(second).toMatchObject({ items: all.slice(2), next: null, total: 3 });
    expect(await rig.alerts({ rule })).toEqual(all);
    expect(await rig.alerts({ rule, state: 'resolved' })).toEqual(all.slice(1));
    const { firedAt = '' } = all[1] ?? {};
    expect(await rig.alerts({ rule, from: firedAt })).toEqual(all.slice(0, 2));
    expect(await rig.alerts({ rule, to: firedAt })).toEqual(all.slice(2));
    for (const query of ['state=open', 'rule=1', 'device=1', 'from=now', 'cursor=1', 'more=1']) {
      expect((await rig.call('GET', `/alerts?${query}`)).status, query).toBe(400);
    }
  });

  test('is summed up', async () => {
    const summary = async () => (await (await rig.call('GET', '/alerts/summary')).json()) as AlertSummary;
    const before = await summary();
    const { alert, device } = await fire();
    await rig.addRule({ scope: { kind: 'device', device: device.uuid }, condition: above(20) });
    await device.send({ temperature: 32 });
    await rig.alertsAre(device.uuid, ['firing', 'firing']);
    await rig.call('POST', `/alerts/${alert.id}/acknowledge`);
    await rig.call('PUT', `/alerts/${alert.id}/silence`, { until: tomorrow() });
    expect(await summary()).toEqual({
      firing: before.firing + 2,
      unacknowledged: before.unacknowledged + 1,
      silenced: before.silenced + 1,
      devices: before.devices + 1,
      disabledChannels: 0,
    });
  });

  test('keeps resolved alerts of a deleted device under the name it had', async () => {
    const { device } = await fire();
    await rig.call('PATCH', `/devices/${device.uuid}`, { name: 'Boiler' });
    await device.send({ temperature: 10 });
    await device.send({ temperature: 31 });
    await rig.call('DELETE', `/devices/${device.uuid}`);
    const [second, first] = await rig.alertsAre(device.uuid, ['resolved', 'resolved']);
    expect([first?.device.name, second?.device.name]).toEqual(['', 'Boiler']);
  });
});

test('a viewer of the fleet is told when an alert fires, is acknowledged, silenced and resolved', async () => {
  const device = await rig.startDevice();
  const { id: rule } = await rig.addRule({
    scope: { kind: 'device', device: device.uuid },
    condition: above(30),
  });
  const leaving = new AbortController();
  const response = await fetch(`${rig.stack.url}/api/v1/events?kinds=alert`, {
    signal: leaving.signal,
    headers: { authorization: `Bearer ${rig.key}` },
  });
  const { events, ended } = readEvents<Record<string, unknown>>(response);
  await until('the stream has begun', () => events.length > 0);
  const told = (what: Readonly<Record<string, unknown>>) =>
    until(`told ${JSON.stringify(what)}`, () => {
      const { data } = events.at(-1) ?? {};
      return Object.entries(what).every(([name, value]) => data?.[name] === value);
    });
  await device.send({ temperature: 31 });
  await told({ state: 'firing', acknowledgedAt: null });
  const { id } = alertSchema.parse(events.at(-1)?.data);
  await rig.call('POST', `/alerts/${id}/acknowledge`);
  await told({ change: 2, state: 'firing' });
  const silence = tomorrow();
  await rig.call('PUT', `/alert-rules/${rule}/silence`, { until: silence });
  await told({ change: 3, silencedUntil: silence });
  await device.send({ temperature: 20 });
  await told({ change: 4, state: 'resolved', resolution: 'cleared' });
  leaving.abort();
  await ended;
  for (const { data } of events.slice(1)) fleetEvents.alert.strict().parse(data);
});

test('an alert is in the timeline of its device, and in its diagnosis until somebody takes care of it', async () => {
  const { alert, device } = await fire();
  const diagnosis = async () => (await rig.call('GET', `/devices/${device.uuid}/diagnosis`)).json();
  let found: unknown;
  await until(
    () => `the diagnosis names the alert: ${JSON.stringify(found)}`,
    async () => {
      found = await diagnosis();
      return (found as { message: string }).message.includes('fires');
    },
  );
  expect(found).toMatchObject({
    state: 'attention',
    message: 'The alert rule "a rule" fires: temperature is 31, above 30.',
  });
  await rig.call('POST', `/alerts/${alert.id}/acknowledge`);
  expect(await diagnosis()).toMatchObject({ state: 'ok' });
  await device.send({ temperature: 20 });
  await rig.alertsAre(device.uuid, ['resolved']);
  const timeline = await (await rig.call('GET', `/devices/${device.uuid}/timeline`)).json();
  const events = (timeline as { items: { what: string; detail: unknown }[] }).items;
  expect(
    events.filter(({ what }) => what.startsWith('alert.') && what !== 'alert.acknowledged'),
  ).toMatchObject([
    { what: 'alert.resolved', detail: { alert: alert.id, rule: 'a rule', resolution: 'cleared' } },
    { what: 'alert.fired', detail: { alert: alert.id, message: 'temperature is 31, above 30.' } },
  ]);
});
