import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { Webhook } from 'standardwebhooks';
import { type DeliveryRig, METRICS_TOKEN, startDeliveryRig } from './alert-delivery-rig.ts';
import { addChannel, collectNow, readChannel, retryNow } from './alert-receiver.ts';
import { above } from './alerts.ts';
import { insertDevices } from './devices.ts';
import { until } from './harness.ts';

let rig: DeliveryRig;

beforeAll(async () => {
  rig = await startDeliveryRig();
}, 60_000);
afterEach(() => rig.clear());
afterAll(() => rig.stop());

describe('a webhook', () => {
  test('is told what fires and what is resolved, signed as Standard Webhooks says', async () => {
    const { channel, device, rule } = await rig.setUp();
    await rig.fire(device);
    const [alert] = await rig.alerts({ device: device.uuid });
    await collectNow(rig);
    await rig.receiver.got(1);
    await device.send({ temperature: 20 });
    await rig.alertsAre(device.uuid, ['resolved']);
    await rig.deliveriesAre(channel.id, ['delivered 1']);
    await collectNow(rig);
    await rig.receiver.got(2);

    const webhook = new Webhook(channel.secret ?? '');
    for (const { body, headers } of rig.receiver.requests) expect(webhook.verify(body, headers)).toBeTruthy();
    const [request] = rig.receiver.requests;
    expect(() => webhook.verify(`${request?.body} `, request?.headers ?? {})).toThrow();
    expect(request).toMatchObject({ path: '/hook', headers: { 'content-type': 'application/json' } });
    const [fired, resolved] = rig.notifications();
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
    const ids = rig.receiver.requests.map(({ headers }) => headers['webhook-id']);
    const deliveries = await rig.deliveriesAre(channel.id, ['delivered 1', 'delivered 1']);
    expect(deliveries.map(({ id }) => id).toReversed()).toEqual(ids as string[]);
    expect(deliveries[0]).toMatchObject({ alerts: 1, status: 200, error: null, nextAttemptAt: null });
    expect(await readChannel(rig, channel.id)).toMatchObject({ queued: 0, lastError: null });
    expect((await readChannel(rig, channel.id)).lastDeliveredAt).not.toBeNull();
  });

  test('signs with the former secret too, for a day after that was replaced', async () => {
    const { channel, device } = await rig.setUp();
    const answer = await rig.call('POST', `/alert-channels/${channel.id}/secret`);
    const { secret } = (await answer.json()) as { secret: string };
    await rig.fire(device);
    await collectNow(rig);
    const [request] = await rig.receiver.got(1);
    for (const each of [secret, channel.secret ?? '']) {
      expect(new Webhook(each).verify(request?.body ?? '', request?.headers ?? {})).toBeTruthy();
    }
    await rig.stack.sql`update alert_channels set former_secret_until = now()`;
    await rig.call('POST', `/alert-channels/${channel.id}/test`);
    const test = rig.receiver.requests.at(-1);
    expect(new Webhook(secret).verify(test?.body ?? '', test?.headers ?? {})).toBeTruthy();
    expect(() => new Webhook(channel.secret ?? '').verify(test?.body ?? '', test?.headers ?? {})).toThrow();
  });

  test('gets one message when fifty devices fire at once, and one when they are back', async () => {
    const channel = await addChannel(rig, { kind: 'webhook', url: rig.receiver.url });
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
    await rig.receiver.got(1);
    const [message] = rig.notifications();
    expect(message?.data).toMatchObject({ title: 'Alerts: 50 firing', firing: 50, resolved: 0, omitted: 0 });
    expect(new Set(message?.data.alerts.map(({ device }) => device.id)).size).toBe(50);
    await rig.stack.sql`update devices set connected_at = now() where tags = '{cut}'`;
    await until('fifty are resolved', async () => (await waiting()) === 50);
    await rig.deliveriesAre(channel.id, ['delivered 1']);
    await collectNow(rig);
    await rig.receiver.got(2);
    await rig.looksPass();
    expect(rig.receiver.requests).toHaveLength(2);
    expect(rig.notifications()[1]?.data).toMatchObject({ title: 'Alerts: 50 resolved', resolved: 50 });
    await rig.stack.sql`delete from devices where tags = '{cut}'`;
  });

  test('waits for what follows within 5 s, and 30 s from message to message', async () => {
    const { channel, device } = await rig.setUp();
    await rig.fire(device);
    await rig.looksPass();
    expect(await rig.deliveriesOf(channel.id)).toEqual([]);
    await rig.stack.sql`update alert_outbox set created_at = now() - interval '5 seconds'`;
    await rig.receiver.got(1);
    await device.send({ temperature: 20 });
    await rig.alertsAre(device.uuid, ['resolved']);
    await rig.stack.sql`
      update alert_outbox set created_at = now() - interval '5 seconds' where message_id is null`;
    await rig.looksPass();
    expect(rig.receiver.requests).toHaveLength(1);
    await rig.stack.sql`update alert_channels set collected_at = now() - interval '30 seconds'`;
    await rig.receiver.got(2);
  });

  test('lists 200 alerts and counts the others', async () => {
    const { channel, device, rule } = await rig.setUp();
    await rig.stack.sql`
      insert into alerts (rule_id, rule_name, kind, device_id, device_name, message, resolved_at, untold)
      select ${rule.id}, 'r', 'threshold', ${device.uuid}, '', 'm', now(), false from generate_series(1, 250)`;
    await rig.stack.sql`insert into alert_outbox (channel_id, alert_id) select ${channel.id}, id from alerts
      where device_id = ${device.uuid}`;
    await collectNow(rig);
    await rig.receiver.got(1);
    const [message] = rig.notifications();
    expect(message?.data).toMatchObject({ resolved: 250, omitted: 50 });
    expect(message?.data.alerts).toHaveLength(200);
  });
});

describe('a silence', () => {
  const hour = () => new Date(Date.now() + 3_600_000).toISOString();

  test.each(['alert', 'rule', 'device'] as const)(
    'of the %s holds messages back, until it ends and if it is still the case',
    async (what) => {
      const { channel, device, rule } = await rig.setUp();
      const paths = {
        rule: `/alert-rules/${rule.id}/silence`,
        device: `/devices/${device.uuid}/alert-silence`,
      };
      if (what !== 'alert') await rig.call('PUT', paths[what], { until: hour() });
      await rig.fire(device);
      const [alert] = await rig.alerts({ device: device.uuid });
      const path = what === 'alert' ? `/alerts/${alert?.id}/silence` : paths[what];
      await rig.call('PUT', path, { until: hour() });
      await collectNow(rig);
      await rig.looksPass();
      expect(await rig.deliveriesOf(channel.id)).toEqual([]);
      expect(rig.receiver.requests).toEqual([]);
      await rig.call('PUT', path, { until: null });
      await until('it waits to be told', async () => {
        await collectNow(rig);
        return rig.receiver.requests.length === 1;
      });
      expect(rig.notifications()[0]?.data).toMatchObject({ firing: 1, alerts: [{ id: alert?.id }] });
    },
  );

  test('that outlasts an alert leaves nothing to be told', async () => {
    const { channel, device, rule } = await rig.setUp();
    await rig.call('PUT', `/alert-rules/${rule.id}/silence`, { until: hour() });
    await rig.fire(device);
    await device.send({ temperature: 20 });
    await rig.alertsAre(device.uuid, ['resolved']);
    await rig.call('PUT', `/alert-rules/${rule.id}/silence`, { until: null });
    await rig.looksPass();
    expect(await rig.stack.sql`select from alert_outbox where channel_id = ${channel.id}`).toHaveLength(0);
    expect(rig.receiver.requests).toEqual([]);
  });
});

test('a channel that is disabled is told nothing; enabled again, what it has missed', async () => {
  const { channel, device } = await rig.setUp();
  const other = await rig.startDevice();
  const scope = { kind: 'device', device: other.uuid };
  await rig.addRule({ name: 'other', scope, condition: above(30), channels: [channel.id] });
  await rig.fire(device);
  await collectNow(rig);
  await rig.deliveriesAre(channel.id, ['delivered 1']);
  await rig.enable(channel.id, false);
  await device.send({ temperature: 20 });
  await rig.alertsAre(device.uuid, ['resolved']);
  await rig.fire(other);
  await collectNow(rig);
  await rig.looksPass();
  expect(rig.receiver.requests).toHaveLength(1);
  await rig.enable(channel.id, true);
  await collectNow(rig);
  await rig.receiver.got(2);
  expect(rig.notifications()[1]?.data).toMatchObject({
    firing: 1,
    resolved: 1,
    alerts: [{ device: { id: other.uuid } }, { device: { id: device.uuid }, state: 'resolved' }],
  });
});

test('a channel that is disabled while it takes a message is told the end of it when it is enabled again', async () => {
  const { channel, device } = await rig.setUp();
  const taken = Promise.withResolvers<void>();
  rig.receiver.answer = async () => {
    await taken.promise;
    return new Response('thank you');
  };
  await rig.fire(device);
  await collectNow(rig);
  await rig.receiver.got(1);
  await rig.enable(channel.id, false);
  taken.resolve();
  await rig.deliveriesAre(channel.id, ['delivered 1']);
  await device.send({ temperature: 20 });
  await rig.alertsAre(device.uuid, ['resolved']);
  await rig.enable(channel.id, true);
  await collectNow(rig);
  await rig.receiver.got(2);
  expect(rig.notifications()[1]?.data).toMatchObject({ firing: 0, resolved: 1 });
});

test('the end of an alert that a message was made beside is told when the channel is enabled again, once', async () => {
  const { channel, device } = await rig.setUp();
  await rig.fire(device);
  await collectNow(rig);
  await rig.deliveriesAre(channel.id, ['delivered 1']);
  await rig.enable(channel.id, false);
  await device.send({ temperature: 20 });
  await rig.alertsAre(device.uuid, ['resolved']);
  // The end has the time at which its transaction began: the message was made before that was committed.
  await rig.stack.sql`
    update alert_messages set created_at = (select resolved_at from alerts where device_id = ${device.uuid})
    where channel_id = ${channel.id}`;
  await rig.enable(channel.id, true);
  await collectNow(rig);
  await rig.deliveriesAre(channel.id, ['delivered 1', 'delivered 1']);
  expect(rig.notifications()[1]?.data).toMatchObject({ firing: 0, resolved: 1 });
  await rig.enable(channel.id, false);
  await rig.enable(channel.id, true);
  await collectNow(rig);
  await rig.looksPass();
  expect(rig.receiver.requests).toHaveLength(2);
});

test('a rule that is deleted has the end of its alerts told', async () => {
  const { channel, device, rule } = await rig.setUp();
  await rig.fire(device);
  await collectNow(rig);
  await rig.deliveriesAre(channel.id, ['delivered 1']);
  await rig.call('DELETE', `/alert-rules/${rule.id}`);
  await collectNow(rig);
  await rig.receiver.got(2);
  expect(rig.notifications()[1]?.data.alerts).toMatchObject([
    { state: 'resolved', resolution: 'rule_deleted', rule: { id: null, name: 'too warm' } },
  ]);
});

test('metrics count deliveries and what fires', async () => {
  const { channel, device } = await rig.setUp();
  rig.receiver.answer = () => new Response('', { status: 500 });
  await rig.fire(device);
  await collectNow(rig);
  await rig.deliveriesAre(channel.id, ['queued 1']);
  rig.receiver.answer = () => new Response('');
  await retryNow(rig);
  await rig.deliveriesAre(channel.id, ['delivered 2']);
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
