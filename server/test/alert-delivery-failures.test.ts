import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { Webhook } from 'standardwebhooks';
import { type DeliveryRig, startDeliveryRig } from './alert-delivery-rig.ts';
import { collectNow, readChannel, retryNow } from './alert-receiver.ts';
import { auditOf } from './devices.ts';

let rig: DeliveryRig;

beforeAll(async () => {
  rig = await startDeliveryRig();
}, 60_000);
afterEach(() => rig.clear());
afterAll(() => rig.stop());

describe('a delivery that fails', () => {
  test('is tried again with the same id and body, later and later', async () => {
    const { channel, device } = await rig.setUp();
    rig.receiver.answer = () => new Response('busy', { status: 503 });
    await rig.fire(device);
    await collectNow(rig);
    const delays = [];
    for (let attempt = 1; attempt <= 4; attempt++) {
      const [delivery] = await rig.deliveriesAre(channel.id, [`queued ${attempt}`]);
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
    rig.receiver.answer = () => new Response('', { status: 204 });
    await retryNow(rig);
    await rig.deliveriesAre(channel.id, ['delivered 5']);
    expect(new Set(rig.receiver.requests.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(new Set(rig.receiver.requests.map(({ body }) => body)).size).toBe(1);
    const webhook = new Webhook(channel.secret ?? '');
    for (const { body, headers } of rig.receiver.requests) expect(webhook.verify(body, headers)).toBeTruthy();
  });

  test('is tried again when its receiver asks, where that is later', async () => {
    const { channel, device } = await rig.setUp();
    await rig.fire(device);
    await collectNow(rig);
    await rig.deliveriesAre(channel.id, ['delivered 1']);
    const answers = ['600', new Date(Date.now() + 1_200_000).toUTCString(), '1'];
    rig.receiver.answer = () =>
      new Response('', { status: 429, headers: { 'retry-after': answers.shift() ?? '' } });
    await device.send({ temperature: 20 });
    await rig.alertsAre(device.uuid, ['resolved']);
    await collectNow(rig);
    for (const [attempt, seconds] of [600, 1_200, 1_800].entries()) {
      const [delivery] = await rig.deliveriesAre(channel.id, [`queued ${attempt + 1}`, 'delivered 1']);
      const wait = Date.parse(delivery?.nextAttemptAt ?? '') - Date.now();
      expect(wait).toBeGreaterThan(seconds * 1_000 - 5_000);
      expect(wait).toBeLessThanOrEqual(seconds * 1_100 + 1_000);
      await retryNow(rig);
    }
  });

  test('for three days disables its channel, with a notice', async () => {
    const { channel, device } = await rig.setUp();
    rig.receiver.answer = () => new Response('', { status: 500 });
    await rig.fire(device);
    await collectNow(rig);
    await rig.deliveriesAre(channel.id, ['queued 1']);
    await rig.stack.sql`update alert_messages set attempts = 9, next_attempt_at = now()`;
    await rig.deliveriesAre(channel.id, ['failed 10']);
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
    const sent = rig.receiver.requests.length;
    await device.send({ temperature: 20 });
    await rig.alertsAre(device.uuid, ['resolved']);
    await rig.looksPass();
    expect(rig.receiver.requests).toHaveLength(sent);
  });

  test('alone of its channel is given up without disabling it', async () => {
    const { channel, device } = await rig.setUp();
    rig.receiver.answer = () => new Response('', { status: 400 });
    await rig.fire(device);
    await collectNow(rig);
    await rig.deliveriesAre(channel.id, ['queued 1']);
    await rig.stack.sql`update alert_channels set last_delivered_at = now()`;
    await rig.stack.sql`update alert_messages set attempts = 9, next_attempt_at = now()`;
    await rig.deliveriesAre(channel.id, ['failed 10']);
    expect(await readChannel(rig, channel.id)).toMatchObject({ enabled: true, notice: null });
  });

  test('with 410 disables its channel at once', async () => {
    const { channel, device } = await rig.setUp();
    rig.receiver.answer = () => new Response('', { status: 410 });
    await rig.fire(device);
    await collectNow(rig);
    await rig.deliveriesAre(channel.id, ['failed 1']);
    expect(await readChannel(rig, channel.id)).toMatchObject({
      enabled: false,
      notice: 'Disabled: the receiver answered 410 (gone).',
    });
  });

  test('holds up no later message, and goes out as soon as one of them arrives', async () => {
    const { channel, device } = await rig.setUp();
    rig.receiver.answer = () => new Response('', { status: 500 });
    await rig.fire(device);
    await collectNow(rig);
    await rig.deliveriesAre(channel.id, ['queued 1']);
    await rig.stack.sql`update alert_messages set next_attempt_at = now() + interval '5 hours'`;
    rig.receiver.answer = () => new Response('');
    await device.send({ temperature: 20 });
    await rig.alertsAre(device.uuid, ['resolved']);
    await collectNow(rig);
    const [later, first] = await rig.deliveriesAre(channel.id, ['delivered 1', 'delivered 2']);
    expect(Date.parse(later?.finishedAt ?? '')).toBeLessThanOrEqual(Date.parse(first?.finishedAt ?? ''));
  });

  test('by a redirect leads nowhere', async () => {
    const { channel, device } = await rig.setUp();
    rig.receiver.answer = ({ path }) =>
      path === '/hook'
        ? new Response('', { status: 308, headers: { location: `${rig.receiver.url}/else` } })
        : new Response('');
    await rig.fire(device);
    await collectNow(rig);
    const [delivery] = await rig.deliveriesAre(channel.id, ['queued 1']);
    expect(delivery?.error).toBe('The receiver answered 308; redirects are not followed.');
    expect(rig.receiver.requests.map(({ path }) => path)).toEqual(['/hook']);
  });
});
