import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { Webhook } from 'standardwebhooks';
import { type AlertDelivery, alertDeliveryPage, alertNotification } from '../contract/api/alert-channels.ts';
import {
  addChannel,
  collectNow,
  type Receiver,
  readChannel,
  retryNow,
  startReceiver,
} from './alert-receiver.ts';
import { type AlertRig, above, type SendingDevice, startAlertRig } from './alerts.ts';
import { hastyClock } from './clocks.ts';
import { auditOf, insertDevices } from './devices.ts';
import { startStack, until } from './harness.ts';

const METRICS_TOKEN = 'metrics-token-0123456789';

let rig: AlertRig;
let receiver: Receiver;

beforeAll(async () => {
  const env = { ALERT_PRIVATE_ADDRESSES: 'true', METRICS_TOKEN };
  rig = await startAlertRig(await startStack({ clock: hastyClock(), env }));
}, 60_000);
afterEach(async () => {
  await rig.stack.sql`delete from alert_rules`;
  await rig.stack.sql`update alert_rule_book set revision = revision + 1`;
  await rig.stack.sql`delete from alert_channels`;
  await rig.stack.sql`delete from alerts`;
  await receiver?.close();
});
afterAll(async () => {
  rig.close();
  await rig.stack.close();
});

/** A receiver with its channel, and a device for which a rule tells that channel. */
async function setUp(more: Readonly<Record<string, unknown>> = {}) {
  receiver = startReceiver();
  const channel = await addChannel(rig, { kind: 'webhook', url: `${receiver.url}/hook` });
  const device = await rig.startDevice();
  const scope = { kind: 'device', device: device.uuid };
  const rule = await rig.addRule({
    name: 'too warm',
    scope,
    condition: above(30),
    channels: [channel.id],
    ...more,
  });
  return { channel, device, rule };
}

async function fire(device: SendingDevice): Promise<void> {
  await device.send({ temperature: 31 });
  await rig.alertsAre(device.uuid, ['firing']);
}

function notificationsOf({ requests }: Receiver) {
  return requests.map(({ body }) => alertNotification.strict().parse(JSON.parse(body)));
}

async function deliveriesOf(channel: string): Promise<AlertDelivery[]> {
  const response = await rig.call('GET', `/alert-channels/${channel}/deliveries`);
  return alertDeliveryPage.parse(await response.json()).items;
}

/** Waits until the messages of a channel are in these states, newest first, and none of them is being sent. */
async function deliveriesAre(channel: string, expected: readonly string[]): Promise<AlertDelivery[]> {
  let found: AlertDelivery[] = [];
  await until(
    () => `deliveries ${expected.join()}: ${JSON.stringify(found)}`,
    async () => {
      found = await deliveriesOf(channel);
      const sent = await rig.stack.sql`
        select from alert_messages where channel_id = ${channel} and claimed_until is not null`;
      const states = found.map(({ state, attempts }) => `${state} ${attempts}`);
      return sent.length === 0 && states.join() === expected.join();
    },
  );
  return await deliveriesOf(channel);
}

/** Waits until the courier has looked at what waits, twice. */
async function looksPass(): Promise<void> {
  const marker = await addChannel(rig, { kind: 'webhook', url: `${receiver.url}/marker` }, 'marker');
  const before = receiver.requests.length;
  for (const round of [1, 2]) {
    await rig.stack.sql`
      insert into alert_messages (id, channel_id, content, title, alerts)
      values (${`marker ${round} ${marker.id}`}, ${marker.id}, '{}', 'marker', 0)`;
    await until('the courier looks', () => receiver.requests.length >= before + round);
  }
  receiver.requests.splice(before, 2);
}

describe('a webhook', () => {
  test('is told what fires and what is resolved, signed as Standard Webhooks says', async () => {
    const { channel, device, rule } = await setUp();
    await fire(device);
    const [alert] = await rig.alerts({ device: device.uuid });
    await collectNow(rig);
    await receiver.got(1);
    await device.send({ temperature: 20 });
    await rig.alertsAre(device.uuid, ['resolved']);
    await deliveriesAre(channel.id, ['delivered 1']);
    await collectNow(rig);
    await receiver.got(2);

    const webhook = new Webhook(channel.secret ?? '');
    for (const { body, headers } of receiver.requests) expect(webhook.verify(body, headers)).toBeTruthy();
    const [request] = receiver.requests;
    expect(() => webhook.verify(`${request?.body} `, request?.headers ?? {})).toThrow();
    expect(request).toMatchObject({ path: '/hook', headers: { 'content-type': 'application/json' } });
    const [fired, resolved] = notificationsOf(receiver);
    expect(fired).toMatchObject({
      type: 'alerts.changed',
      data: {
        title: `Firing: too warm (${device.uuid})`,
        firing: 1,
        resolved: 0,
        omitted: 0,
        alerts: [alert],
      },
    });
    expect(resolved?.data).toMatchObject({
      title: `Resolved: too warm (${device.uuid})`,
      firing: 0,
      resolved: 1,
      alerts: [{ id: alert?.id, state: 'resolved', change: 2, rule: { id: rule.id } }],
    });
    const ids = receiver.requests.map(({ headers }) => headers['webhook-id']);
    const deliveries = await deliveriesAre(channel.id, ['delivered 1', 'delivered 1']);
    expect(deliveries.map(({ id }) => id).toReversed()).toEqual(ids as string[]);
    expect(deliveries[0]).toMatchObject({ alerts: 1, status: 200, error: null, nextAttemptAt: null });
    expect(await readChannel(rig, channel.id)).toMatchObject({ queued: 0, lastError: null });
    expect((await readChannel(rig, channel.id)).lastDeliveredAt).not.toBeNull();
  });

  test('signs with the former secret too, for a day after that was replaced', async () => {
    const { channel, device } = await setUp();
    const answer = await rig.call('POST', `/alert-channels/${channel.id}/secret`);
    const { secret } = (await answer.json()) as { secret: string };
    await fire(device);
    await collectNow(rig);
    const [request] = await receiver.got(1);
    for (const each of [secret, channel.secret ?? '']) {
      expect(new Webhook(each).verify(request?.body ?? '', request?.headers ?? {})).toBeTruthy();
    }
    await rig.stack.sql`update alert_channels set former_secret_until = now()`;
    await rig.call('POST', `/alert-channels/${channel.id}/test`);
    const test = receiver.requests.at(-1);
    expect(new Webhook(secret).verify(test?.body ?? '', test?.headers ?? {})).toBeTruthy();
    expect(() => new Webhook(channel.secret ?? '').verify(test?.body ?? '', test?.headers ?? {})).toThrow();
  });

  test('gets one message when fifty devices fire at once, and one when they are back', async () => {
    receiver = startReceiver();
    const channel = await addChannel(rig, { kind: 'webhook', url: receiver.url });
    const cut = await insertDevices(rig.stack, 50, () => ({}));
    await rig.stack.sql`
      update devices set tags = '{cut}', last_session_at = now(), session_noted_at = now() - interval '1 hour'
      where id in ${rig.stack.sql(cut)}`;
    const scope = { kind: 'tag', tag: 'cut' };
    const condition = { kind: 'offline', seconds: 60 };
    await rig.addRule({ name: 'away', scope, condition, channels: [channel.id] });
    const waiting = async () =>
      (await rig.stack.sql`select from alert_outbox where message_id is null`).length;
    await until('fifty fire', async () => (await waiting()) === 50);
    await collectNow(rig);
    await receiver.got(1);
    const [message] = notificationsOf(receiver);
    expect(message?.data).toMatchObject({ title: 'Alerts: 50 firing', firing: 50, resolved: 0, omitted: 0 });
    expect(new Set(message?.data.alerts.map(({ device }) => device.id)).size).toBe(50);
    await rig.stack.sql`update devices set connected_at = now() where tags = '{cut}'`;
    await until('fifty are resolved', async () => (await waiting()) === 50);
    await deliveriesAre(channel.id, ['delivered 1']);
    await collectNow(rig);
    await receiver.got(2);
    await looksPass();
    expect(receiver.requests).toHaveLength(2);
    expect(notificationsOf(receiver)[1]?.data).toMatchObject({ title: 'Alerts: 50 resolved', resolved: 50 });
    await rig.stack.sql`delete from devices where tags = '{cut}'`;
  });

  test('waits for what follows within 5 s, and 30 s from message to message', async () => {
    const { channel, device } = await setUp();
    await fire(device);
    await looksPass();
    expect(await deliveriesOf(channel.id)).toEqual([]);
    await rig.stack.sql`update alert_outbox set created_at = now() - interval '5 seconds'`;
    await receiver.got(1);
    await device.send({ temperature: 20 });
    await rig.alertsAre(device.uuid, ['resolved']);
    await rig.stack.sql`
      update alert_outbox set created_at = now() - interval '5 seconds' where message_id is null`;
    await looksPass();
    expect(receiver.requests).toHaveLength(1);
    await rig.stack.sql`update alert_channels set collected_at = now() - interval '30 seconds'`;
    await receiver.got(2);
  });

  test('lists 200 alerts and counts the others', async () => {
    const { channel, device, rule } = await setUp();
    await rig.stack.sql`
      insert into alerts (rule_id, rule_name, kind, device_id, device_name, message, resolved_at, untold)
      select ${rule.id}, 'r', 'threshold', ${device.uuid}, '', 'm', now(), false from generate_series(1, 250)`;
    await rig.stack.sql`insert into alert_outbox (channel_id, alert_id) select ${channel.id}, id from alerts
      where device_id = ${device.uuid}`;
    await collectNow(rig);
    await receiver.got(1);
    const [message] = notificationsOf(receiver);
    expect(message?.data).toMatchObject({ resolved: 250, omitted: 50 });
    expect(message?.data.alerts).toHaveLength(200);
  });
});

describe('a delivery that fails', () => {
  test('is tried again with the same id and body, later and later', async () => {
    const { channel, device } = await setUp();
    receiver.answer = () => new Response('busy', { status: 503 });
    await fire(device);
    await collectNow(rig);
    const delays = [];
    for (let attempt = 1; attempt <= 4; attempt++) {
      const [delivery] = await deliveriesAre(channel.id, [`queued ${attempt}`]);
      expect(delivery).toMatchObject({ status: 503, error: 'The receiver answered 503.', finishedAt: null });
      delays.push(Date.parse(delivery?.nextAttemptAt ?? '') - Date.now());
      if (attempt < 4) await retryNow(rig);
    }
    const limits = [5, 300, 1_800, 7_200];
    for (const [at, seconds] of limits.entries()) {
      expect(delays[at]).toBeLessThanOrEqual(seconds * 1_100 + 1_000);
      expect(delays[at]).toBeGreaterThan(seconds * 1_000 - 5_000);
    }
    expect(await readChannel(rig, channel.id)).toMatchObject({
      queued: 1,
      enabled: true,
      lastError: 'The receiver answered 503.',
    });
    receiver.answer = () => new Response('', { status: 204 });
    await retryNow(rig);
    await deliveriesAre(channel.id, ['delivered 5']);
    expect(new Set(receiver.requests.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(new Set(receiver.requests.map(({ body }) => body)).size).toBe(1);
    const webhook = new Webhook(channel.secret ?? '');
    for (const { body, headers } of receiver.requests) expect(webhook.verify(body, headers)).toBeTruthy();
  });

  test('for three days disables its channel, with a notice', async () => {
    const { channel, device } = await setUp();
    receiver.answer = () => new Response('', { status: 500 });
    await fire(device);
    await collectNow(rig);
    await deliveriesAre(channel.id, ['queued 1']);
    await rig.stack.sql`update alert_messages set attempts = 9, next_attempt_at = now()`;
    await deliveriesAre(channel.id, ['failed 10']);
    const disabled = await readChannel(rig, channel.id);
    expect(disabled).toMatchObject({
      enabled: false,
      notice: 'Disabled: nothing could be delivered for three days. The receiver answered 500.',
      queued: 0,
      version: 1,
    });
    const summary = await (await rig.call('GET', '/alerts/summary')).json();
    expect(summary).toMatchObject({ disabledChannels: 1 });
    expect((await auditOf(rig.stack, channel.id)).at(-1)).toMatchObject({
      action: 'alert_channel.disabled',
      actor: 'alert delivery',
    });
    const sent = receiver.requests.length;
    await device.send({ temperature: 20 });
    await rig.alertsAre(device.uuid, ['resolved']);
    await looksPass();
    expect(receiver.requests).toHaveLength(sent);
  });

  test('alone of its channel is given up without disabling it', async () => {
    const { channel, device } = await setUp();
    receiver.answer = () => new Response('', { status: 400 });
    await fire(device);
    await collectNow(rig);
    await deliveriesAre(channel.id, ['queued 1']);
    await rig.stack.sql`update alert_channels set last_delivered_at = now()`;
    await rig.stack.sql`update alert_messages set attempts = 9, next_attempt_at = now()`;
    await deliveriesAre(channel.id, ['failed 10']);
    expect(await readChannel(rig, channel.id)).toMatchObject({ enabled: true, notice: null });
  });

  test('with 410 disables its channel at once', async () => {
    const { channel, device } = await setUp();
    receiver.answer = () => new Response('', { status: 410 });
    await fire(device);
    await collectNow(rig);
    await deliveriesAre(channel.id, ['failed 1']);
    expect(await readChannel(rig, channel.id)).toMatchObject({
      enabled: false,
      notice: 'Disabled: the receiver answered 410 (gone).',
    });
  });

  test('holds up no later message, and goes out as soon as one of them arrives', async () => {
    const { channel, device } = await setUp();
    receiver.answer = () => new Response('', { status: 500 });
    await fire(device);
    await collectNow(rig);
    await deliveriesAre(channel.id, ['queued 1']);
    await rig.stack.sql`update alert_messages set next_attempt_at = now() + interval '5 hours'`;
    receiver.answer = () => new Response('');
    await device.send({ temperature: 20 });
    await rig.alertsAre(device.uuid, ['resolved']);
    await collectNow(rig);
    const [later, first] = await deliveriesAre(channel.id, ['delivered 1', 'delivered 2']);
    expect(Date.parse(later?.finishedAt ?? '')).toBeLessThanOrEqual(Date.parse(first?.finishedAt ?? ''));
  });

  test('by a redirect leads nowhere', async () => {
    const { channel, device } = await setUp();
    receiver.answer = ({ path }) =>
      path === '/hook'
        ? new Response('', { status: 308, headers: { location: `${receiver.url}/else` } })
        : new Response('');
    await fire(device);
    await collectNow(rig);
    const [delivery] = await deliveriesAre(channel.id, ['queued 1']);
    expect(delivery?.error).toBe('The receiver answered 308; redirects are not followed.');
    expect(receiver.requests.map(({ path }) => path)).toEqual(['/hook']);
  });
});

describe('a silence', () => {
  const hour = () => new Date(Date.now() + 3_600_000).toISOString();

  test.each(['alert', 'rule', 'device'] as const)(
    'of the %s holds messages back, until it ends and if it is still the case',
    async (what) => {
      const { channel, device, rule } = await setUp();
      const paths = {
        rule: `/alert-rules/${rule.id}/silence`,
        device: `/devices/${device.uuid}/alert-silence`,
      };
      if (what !== 'alert') await rig.call('PUT', paths[what], { until: hour() });
      await fire(device);
      const [alert] = await rig.alerts({ device: device.uuid });
      const path = what === 'alert' ? `/alerts/${alert?.id}/silence` : paths[what];
      await rig.call('PUT', path, { until: hour() });
      await collectNow(rig);
      await looksPass();
      expect(await deliveriesOf(channel.id)).toEqual([]);
      expect(receiver.requests).toEqual([]);
      await rig.call('PUT', path, { until: null });
      await until('it waits to be told', async () => {
        await collectNow(rig);
        return receiver.requests.length === 1;
      });
      expect(notificationsOf(receiver)[0]?.data).toMatchObject({ firing: 1, alerts: [{ id: alert?.id }] });
    },
  );

  test('that outlasts an alert leaves nothing to be told', async () => {
    const { channel, device, rule } = await setUp();
    await rig.call('PUT', `/alert-rules/${rule.id}/silence`, { until: hour() });
    await fire(device);
    await device.send({ temperature: 20 });
    await rig.alertsAre(device.uuid, ['resolved']);
    await rig.call('PUT', `/alert-rules/${rule.id}/silence`, { until: null });
    await looksPass();
    expect(await rig.stack.sql`select from alert_outbox where channel_id = ${channel.id}`).toHaveLength(0);
    expect(receiver.requests).toEqual([]);
  });
});

test('a channel that is disabled is told nothing; enabled again, what it has missed', async () => {
  const { channel, device } = await setUp();
  const other = await rig.startDevice();
  const scope = { kind: 'device', device: other.uuid };
  await rig.addRule({ name: 'other', scope, condition: above(30), channels: [channel.id] });
  await fire(device);
  await collectNow(rig);
  await deliveriesAre(channel.id, ['delivered 1']);
  const enable = (enabled: boolean) => rig.call('PATCH', `/alert-channels/${channel.id}`, { enabled });
  await enable(false);
  await device.send({ temperature: 20 });
  await rig.alertsAre(device.uuid, ['resolved']);
  await fire(other);
  await collectNow(rig);
  await looksPass();
  expect(receiver.requests).toHaveLength(1);
  await enable(true);
  await collectNow(rig);
  await receiver.got(2);
  expect(notificationsOf(receiver)[1]?.data).toMatchObject({
    firing: 1,
    resolved: 1,
    alerts: [{ device: { id: other.uuid } }, { device: { id: device.uuid }, state: 'resolved' }],
  });
});

test('a rule that is deleted has the end of its alerts told', async () => {
  const { channel, device, rule } = await setUp();
  await fire(device);
  await collectNow(rig);
  await deliveriesAre(channel.id, ['delivered 1']);
  await rig.call('DELETE', `/alert-rules/${rule.id}`);
  await collectNow(rig);
  await receiver.got(2);
  expect(notificationsOf(receiver)[1]?.data.alerts).toMatchObject([
    { state: 'resolved', resolution: 'rule_deleted', rule: { id: null, name: 'too warm' } },
  ]);
});

test('metrics count deliveries and what fires', async () => {
  const { channel, device } = await setUp();
  await fire(device);
  await collectNow(rig);
  await deliveriesAre(channel.id, ['delivered 1']);
  const lines = [
    'siot_alerts_firing{kind="threshold"} 1',
    'siot_alerts_firing{kind="missing"} 0',
    'siot_alert_messages_queued 0',
    'siot_alert_channels_disabled 0',
  ];
  let text = '';
  // Read from the database at most once in 5 s.
  await until(
    () => `the figures: ${text.match(/^siot_alert.*$/gm)?.join('\n')}`,
    async () => {
      const headers = { authorization: `Bearer ${METRICS_TOKEN}` };
      text = await (await fetch(`${rig.stack.url}/metrics`, { headers })).text();
      return lines.every((line) => text.includes(`${line}\n`));
    },
  );
  expect(text).toMatch(/^siot_alert_deliveries_total\{kind="webhook",outcome="delivered"\} [1-9]/m);
  expect(text).toMatch(/^siot_alert_deliveries_total\{kind="webhook",outcome="retried"\} [1-9]/m);
});
