import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { SMTPServer } from 'smtp-server';
import { type ChannelTest, channelTestAnswer } from '../contract/api/alert-channels.ts';
import { addChannel, collectNow, readChannel, retryNow, startReceiver } from './alert-receiver.ts';
import { type AlertRig, above, startAlertRig } from './alerts.ts';
import { hastyClock } from './clocks.ts';
import { startStack, until } from './harness.ts';

/** E-mail as an SMTP server takes it. */
interface TakenEmail {
  readonly from: string;
  readonly to: readonly string[];
  readonly source: string;
}

const taken: TakenEmail[] = [];
/** Recipients that are refused, each with the code of the answer. */
const refused = new Map<string, number>();
let smtp: SMTPServer;
let rig: AlertRig;

beforeAll(async () => {
  smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    onAuth: ({ username, password }, _session, done) =>
      username === 'iot' && password === 'p@ss word'
        ? done(null, { user: username })
        : done(new Error('wrong password')),
    onRcptTo: ({ address }, _session, done) =>
      refused.has(address)
        ? done(Object.assign(new Error('no such box'), { responseCode: refused.get(address) }))
        : done(),
    onData(stream, { envelope }, done) {
      let source = '';
      stream.on('data', (piece: Buffer) => {
        source += piece.toString('utf8');
      });
      stream.on('end', () => {
        const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address;
        taken.push({ from, to: envelope.rcptTo.map(({ address }) => address), source });
        done();
      });
    },
  });
  await new Promise<void>((resolve) => smtp.listen(0, '127.0.0.1', resolve));
  const address = smtp.server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const env = {
    SMTP_URL: `smtp://iot:p%40ss%20word@127.0.0.1:${address.port}`,
    SMTP_FROM: 'Simple IoT <alerts@iot.example>',
    ALERT_PRIVATE_ADDRESSES: 'true',
  };
  rig = await startAlertRig(await startStack({ clock: hastyClock(), env }));
}, 60_000);
afterEach(() => {
  taken.length = 0;
  refused.clear();
});
afterAll(async () => {
  rig.close();
  await rig.stack.close();
  await new Promise<void>((resolve) => smtp.close(resolve));
});

async function fireFor(channel: string, name: string) {
  const device = await rig.startDevice();
  await rig.call('PATCH', `/devices/${device.uuid}`, { name: 'Küche' });
  const scope = { kind: 'device', device: device.uuid };
  await rig.addRule({ name, scope, condition: above(30), channels: [channel] });
  await device.send({ temperature: 31 });
  await rig.alertsAre(device.uuid, ['firing']);
  await collectNow(rig);
  return device;
}

async function testOf(channel: string): Promise<ChannelTest> {
  const response = await rig.call('POST', `/alert-channels/${channel}/test`);
  return channelTestAnswer.strict().parse(await response.json());
}

describe('e-mail', () => {
  test('is handed to the SMTP server of the settings, with the alert in it', async () => {
    const to = ['one@example.com', 'two@example.com'];
    const channel = await addChannel(rig, { kind: 'email', to });
    expect(channel.secret).toBeNull();
    const device = await fireFor(channel.id, 'too warm');
    await until('the e-mail is taken', () => taken.length === 1);
    const [email] = taken;
    expect(email).toMatchObject({ from: 'alerts@iot.example', to });
    const source = email?.source ?? '';
    expect(source).toMatch(/^From: "?Simple IoT"? <alerts@iot\.example>\r$/m);
    expect(source).toMatch(/^To: one@example\.com, two@example\.com\r$/m);
    expect(source).toMatch(/^Subject: =\?UTF-8\?Q\?Firing=3A_too_warm_=28K=C3=BCche=29\?=\r$/m);
    expect(source).toMatch(/^Auto-Submitted: auto-generated\r$/m);
    expect(source).toContain('FIRING: too warm');
    expect(source).toContain(device.uuid);
    expect(source).toContain('temperature is 31, above 30.');
    const [message] = await rig.stack
      .sql`select id, state from alert_messages where channel_id = ${channel.id}`;
    expect(source).toContain(`Message-ID: <${message?.id}@iot.example>`);
  });

  test('that the server refuses is tried again with the same message id', async () => {
    const channel = await addChannel(rig, { kind: 'email', to: ['gone@example.com'] });
    refused.set('gone@example.com', 550);
    await fireFor(channel.id, 'too cold');
    await until('the failure is noted', async () => (await readChannel(rig, channel.id)).lastError !== null);
    expect((await readChannel(rig, channel.id)).lastError).toContain('no such box');
    expect(taken).toEqual([]);
    refused.clear();
    await retryNow(rig);
    await until('the e-mail is taken', () => taken.length === 1);
    const [message] = await rig.stack.sql`select id from alert_messages where channel_id = ${channel.id}`;
    expect(taken[0]?.source).toContain(`Message-ID: <${message?.id}@iot.example>`);
  });

  test('that is refused for one recipient reaches the others once, and its channel names who did not get it', async () => {
    const channel = await addChannel(rig, { kind: 'email', to: ['one@example.com', 'gone@example.com'] });
    refused.set('gone@example.com', 550);
    await fireFor(channel.id, 'too dry');
    await until('it is settled', async () => (await readChannel(rig, channel.id)).lastError !== null);
    expect(await readChannel(rig, channel.id)).toMatchObject({
      queued: 0,
      lastDeliveredAt: expect.any(String),
      lastFailedAt: expect.any(String),
      lastError: expect.stringMatching(/^Refused for 1 of 2 recipients: .*no such box/),
    });
    const [message] = await rig.stack
      .sql`select state, error from alert_messages where channel_id = ${channel.id}`;
    expect(message).toMatchObject({ state: 'delivered', error: expect.stringContaining('no such box') });
    expect(taken.map(({ to }) => to)).toEqual([['one@example.com']]);
    expect(await testOf(channel.id)).toMatchObject({
      delivered: true,
      error: expect.stringContaining('Refused for 1 of 2 recipients'),
    });
    refused.clear();
    expect(await testOf(channel.id)).toMatchObject({ delivered: true, error: null });
  });

  test('that is put off for one recipient is sent again, and no more often than twice', async () => {
    const channel = await addChannel(rig, { kind: 'email', to: ['one@example.com', 'full@example.com'] });
    refused.set('full@example.com', 452);
    await fireFor(channel.id, 'too wet');
    const attempted = (attempts: number, state: string) =>
      until(`${state} after ${attempts} attempts`, async () => {
        const rows = await rig.stack.sql`
          select from alert_messages where channel_id = ${channel.id} and state = ${state}::delivery_state
            and attempts = ${attempts} and claimed_until is null`;
        return rows.length === 1;
      });
    await attempted(1, 'queued');
    await retryNow(rig);
    await attempted(2, 'queued');
    await retryNow(rig);
    await attempted(3, 'delivered');
    expect(taken.map(({ to }) => to)).toEqual(Array(3).fill(['one@example.com']));
    expect((await readChannel(rig, channel.id)).lastError).toContain('Refused for 1 of 2 recipients');
  });

  test('has a test that answers what the server said', async () => {
    const { id } = await addChannel(rig, { kind: 'email', to: ['one@example.com'] }, 'Office');
    expect(await testOf(id)).toMatchObject({ delivered: true, status: null, error: null });
    expect((await testOf(id)).answer).toMatch(/^250 /);
    expect(taken[0]?.source).toContain('Subject: Test of the channel Office');
    refused.set('one@example.com', 550);
    const answer = await testOf(id);
    expect(answer).toMatchObject({ delivered: false, status: null, answer: null });
    expect(answer.error).toContain('no such box');
  });
});

describe('ntfy', () => {
  test('is published to as JSON, with title, priority and token', async () => {
    const receiver = startReceiver();
    const target = { kind: 'ntfy', url: `${receiver.url}/base/my-topic`, token: 'tk_1' };
    const channel = await addChannel(rig, target);
    expect(channel.target).toEqual({ kind: 'ntfy', url: `${receiver.url}/base/my-topic` });
    const device = await fireFor(channel.id, 'too damp');
    const [request] = await receiver.got(1);
    expect(request).toMatchObject({
      path: '/base/',
      headers: { authorization: 'Bearer tk_1', 'content-type': 'application/json' },
    });
    const published = JSON.parse(request?.body ?? '');
    expect(published).toMatchObject({
      topic: 'my-topic',
      title: 'Firing: too damp (Küche)',
      priority: 4,
      tags: ['rotating_light'],
    });
    expect(published.message).toContain(`Küche (${device.uuid})\ntemperature is 31, above 30.\nsince 20`);
    await device.send({ temperature: 20 });
    await rig.alertsAre(device.uuid, ['resolved']);
    await collectNow(rig);
    await receiver.got(2);
    expect(JSON.parse(receiver.requests[1]?.body ?? '')).toMatchObject({
      title: 'Resolved: too damp (Küche)',
      priority: 3,
      tags: ['white_check_mark'],
    });
    await receiver.close();
  });
});
