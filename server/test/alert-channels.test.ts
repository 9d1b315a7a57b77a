import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import {
  alertChannel,
  alertChannelList,
  alertDeliveryPage,
  createdAlertChannel,
} from '../contract/api/alert-channels.ts';
import { addChannel, type Receiver, readChannel, startReceiver } from './alert-receiver.ts';
import { type AlertRig, above, startAlertRig } from './alerts.ts';
import { hastyClock } from './clocks.ts';
import { auditOf, callApi, createApiKey } from './devices.ts';
import { startStack } from './harness.ts';

let rig: AlertRig;
let receiver: Receiver;

beforeAll(async () => {
  rig = await startAlertRig(
    await startStack({ broker: false, clock: hastyClock(), env: { ALERT_PRIVATE_ADDRESSES: 'true' } }),
  );
  receiver = startReceiver();
}, 60_000);
afterEach(async () => {
  await rig.stack.sql`delete from alert_rules`;
  await rig.stack.sql`update alert_rule_book set revision = revision + 1`;
  await rig.stack.sql`delete from alert_channels`;
});
afterAll(async () => {
  rig.close();
  await receiver.close();
  await rig.stack.close();
});

const webhook = () => ({ kind: 'webhook' as const, url: `${receiver.url}/hook` });
const ntfy = (more = {}) => ({ kind: 'ntfy', url: `${receiver.url}/alerts`, ...more });

describe('a channel', () => {
  test('is created, read, listed, changed and deleted', async () => {
    const created = await addChannel(rig, webhook(), 'Pager');
    createdAlertChannel.strict().parse(created);
    const { secret, ...channel } = created;
    expect(channel).toMatchObject({
      name: 'Pager',
      kind: 'webhook',
      enabled: true,
      target: webhook(),
      notice: null,
      queued: 0,
      lastDeliveredAt: null,
      version: 1,
    });
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const path = `/alert-channels/${created.id}`;
    const read = await rig.call('GET', path);
    expect(read.headers.get('etag')).toBe('"1"');
    expect(await read.json()).toEqual(channel);
    expect(await (await rig.call('GET', '/alert-channels')).json()).toEqual({ items: [channel] });

    const changed = await rig.call('PATCH', path, { name: 'Beeper' }, { 'if-match': '"1"' });
    expect(await changed.json()).toEqual({ ...channel, name: 'Beeper', version: 2 });
    expect((await rig.call('PATCH', path, { name: 'Late' }, { 'if-match': '"1"' })).status).toBe(412);
    expect((await rig.call('DELETE', path, undefined, { 'if-match': '"1"' })).status).toBe(412);
    expect((await rig.call('DELETE', path, undefined, { 'if-match': '"2"' })).status).toBe(204);
    expect((await rig.call('GET', path)).status).toBe(404);
  });

  test('that is sent elsewhere leaves that in the audit log, but not the address', async () => {
    const { id } = await addChannel(rig, ntfy({ token: 'tk_1' }));
    const path = `/alert-channels/${id}`;
    for (const change of [
      { target: ntfy({ url: `${receiver.url}/secret-topic` }) },
      { target: ntfy({ url: `${receiver.url}/secret-topic`, token: 'tk_2' }) },
      { name: 'elsewhere' },
    ]) {
      expect((await rig.call('PATCH', path, change)).status).toBe(200);
    }
    const entries = (await auditOf(rig.stack, id)).filter(({ action }) => action === 'alert_channel.changed');
    expect(entries.map(({ after }) => after)).toEqual([
      expect.objectContaining({ targetChanged: true }),
      expect.objectContaining({ tokenChanged: true }),
      expect.not.objectContaining({ targetChanged: true }),
    ]);
    expect(JSON.stringify(entries)).not.toMatch(/secret-topic|tk_/);
  });

  test.each([
    ['no name', { target: { kind: 'email', to: ['a@example.com'] } }],
    ['no target', { name: 'x' }],
    ['an unknown kind', { name: 'x', target: { kind: 'pigeon' } }],
    ['another protocol', { name: 'x', target: { kind: 'webhook', url: 'ftp://example.com/' } }],
    ['a password in the URL', { name: 'x', target: { kind: 'webhook', url: 'https://u:p@example.com/' } }],
    ['NUL in the URL', { name: 'x', target: { kind: 'webhook', url: 'https://a.example/\u0000' } }],
    [
      'half a character in the URL',
      { name: 'x', target: { kind: 'webhook', url: 'https://a.example/\ud800' } },
    ],
    ['NUL in the topic', { name: 'x', target: { kind: 'ntfy', url: 'https://ntfy.example/a\u0000' } }],
    ['no slashes in the URL', { name: 'x', target: { kind: 'webhook', url: 'https:a.example/' } }],
    ['no topic', { name: 'x', target: { kind: 'ntfy', url: 'https://ntfy.example/' } }],
    ['a query in the topic', { name: 'x', target: { kind: 'ntfy', url: 'https://ntfy.example/a?b=c' } }],
    [
      'a token with a line break',
      { name: 'x', target: { kind: 'ntfy', url: 'https://ntfy.example/a', token: 'a\r\nb' } },
    ],
    ['no address', { name: 'x', target: { kind: 'email', to: ['nobody'] } }],
    [
      'a secret of its own',
      { name: 'x', target: { kind: 'webhook', url: 'https://a.example/', secret: 'x' } },
    ],
  ])('with %s is refused', async (_, body) => {
    const response = await rig.call('POST', '/alert-channels', body);
    expect(response.status).toBe(422);
  });

  test('with e-mail is refused while there is no SMTP server', async () => {
    const target = { kind: 'email', to: ['a@example.com'] };
    const response = await rig.call('POST', '/alert-channels', { name: 'Mail', target });
    expect(response.status).toBe(409);
    expect(await response.json()).toMatchObject({ detail: 'E-mail needs SMTP_URL, which is not set.' });
  });

  test('is not changed to a URL with NUL or half a character', async () => {
    const { id } = await addChannel(rig, webhook());
    for (const end of ['\u0000', '\ud800']) {
      const target = { kind: 'webhook', url: `${receiver.url}/${end}` };
      expect((await rig.call('PATCH', `/alert-channels/${id}`, { target })).status).toBe(422);
    }
  });

  test.each([
    [' https://A.example/ä b ', 'https://a.example/%C3%A4%20b'],
    ['https://a.example', 'https://a.example/'],
    ['https://a.example\\hook', 'https://a.example/hook'],
  ])('keeps the URL %j as it is requested', async (url, kept) => {
    const channel = await addChannel(rig, { ...webhook(), url });
    expect(channel.target).toEqual({ kind: 'webhook', url: kept });
    const [row] = await rig.stack.sql`select target from alert_channels where id = ${channel.id}`;
    expect(row?.target).toEqual({ kind: 'webhook', url: kept });
  });

  test.each(['\\alerts', '/alerts?', '/alerts#'])('of ntfy is delivered to its topic: %j', async (end) => {
    const { id } = await addChannel(rig, ntfy({ url: `${receiver.url}${end}` }));
    const tested = await rig.call('POST', `/alert-channels/${id}/test`);
    expect(await tested.json()).toMatchObject({ delivered: true });
    const [request] = receiver.requests.slice(-1);
    expect(request?.path).toBe('/');
    expect(JSON.parse(request?.body ?? '')).toMatchObject({ topic: 'alerts' });
  });

  test('keeps its kind', async () => {
    const { id } = await addChannel(rig, webhook());
    const response = await rig.call('PATCH', `/alert-channels/${id}`, { target: ntfy() });
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({ errors: [{ field: '/target/kind' }] });
  });

  test('that rules name is not deleted, nor named once it is', async () => {
    const { id } = await addChannel(rig, webhook());
    await rig.addRule({ name: 'too warm', condition: above(30), channels: [id] });
    const refused = await rig.call('DELETE', `/alert-channels/${id}`);
    expect(refused.status).toBe(409);
    expect(((await refused.json()) as { detail: string }).detail).toContain('"too warm"');
    const [rule] = (
      (await (await rig.call('GET', '/alert-rules')).json()) as {
        items: { id: string; channels: string[] }[];
      }
    ).items;
    expect(rule?.channels).toEqual([id]);
    await rig.call('PATCH', `/alert-rules/${rule?.id}`, { channels: [] });
    expect((await rig.call('DELETE', `/alert-channels/${id}`)).status).toBe(204);
    const named = await rig.call('PATCH', `/alert-rules/${rule?.id}`, { channels: [id] });
    expect(named.status).toBe(422);
  });

  test('is one of at most 50', async () => {
    await rig.stack.sql`
      insert into alert_channels (name, kind, target, enabled)
      select 'c', 'webhook', '{"kind":"webhook","url":"https://a.example/"}', true from generate_series(1, 49)`;
    const responses = await Promise.all(
      [1, 2, 3].map(() => rig.call('POST', '/alert-channels', { name: 'x', target: webhook() })),
    );
    expect(responses.map(({ status }) => status).toSorted()).toEqual([201, 409, 409]);
  });
});

describe('a secret', () => {
  test('is in no answer but the first, and not in the audit log', async () => {
    const { id, secret } = await addChannel(rig, webhook());
    const topic = await addChannel(rig, ntfy({ token: 'tk_very_secret' }));
    expect(topic.secret).toBeNull();
    await rig.call('PATCH', `/alert-channels/${id}`, { name: 'other' });
    const replaced = (await (await rig.call('POST', `/alert-channels/${id}/secret`)).json()) as {
      secret: string;
    };
    expect(replaced.secret).toStartWith('whsec_');
    expect(replaced.secret).not.toBe(secret);
    await rig.call('POST', `/alert-channels/${id}/test`);
    const seen = [
      await (await rig.call('GET', '/alert-channels')).text(),
      await (await rig.call('GET', `/alert-channels/${topic.id}`)).text(),
      JSON.stringify(await auditOf(rig.stack, id)),
      JSON.stringify(await auditOf(rig.stack, topic.id)),
    ].join();
    for (const hidden of [secret ?? '', replaced.secret, 'tk_very_secret', '/hook', 'whsec_']) {
      expect(seen.includes(hidden) && hidden !== '/hook', hidden).toBe(false);
    }
    expect((await auditOf(rig.stack, id)).map(({ action }) => action)).toEqual([
      'alert_channel.created',
      'alert_channel.changed',
      'alert_channel.secret_replaced',
      'alert_channel.tested',
    ]);
  });

  test('is only that of a webhook', async () => {
    const { id } = await addChannel(rig, ntfy());
    expect((await rig.call('POST', `/alert-channels/${id}/secret`)).status).toBe(409);
  });

  test('of ntfy stays with its server, and goes to no other', async () => {
    const { id } = await addChannel(rig, ntfy({ token: 'tk_1' }));
    const path = `/alert-channels/${id}`;
    const sent = async () => {
      await rig.call('POST', `${path}/test`);
      return receiver.requests.at(-1)?.headers.authorization;
    };
    expect(await sent()).toBe('Bearer tk_1');
    await rig.call('PATCH', path, { target: { kind: 'ntfy', url: `${receiver.url}/other` } });
    expect(await sent()).toBe('Bearer tk_1');
    const elsewhere = receiver.url.replace('127.0.0.1', 'localhost');
    await rig.call('PATCH', path, { target: { kind: 'ntfy', url: `${elsewhere}/other` } });
    expect(await sent()).toBeUndefined();
  });
});

describe('a test', () => {
  test('answers what the receiver said', async () => {
    const { id } = await addChannel(rig, webhook(), 'Pager');
    receiver.answer = () => new Response('x'.repeat(5_000), { status: 202 });
    const run = async () => (await rig.call('POST', `/alert-channels/${id}/test`)).json();
    expect(await run()).toMatchObject({
      delivered: true,
      status: 202,
      answer: 'x'.repeat(500),
      error: null,
    });
    const { headers, body } = receiver.requests.at(-1) ?? { headers: {}, body: '' };
    expect(headers).toMatchObject({ 'content-type': 'application/json', 'user-agent': 'simple-iot-server' });
    expect(JSON.parse(body)).toMatchObject({
      type: 'channel.test',
      data: { title: 'Test of the channel Pager', alerts: [] },
    });
    receiver.answer = () => new Response('no such pager', { status: 404 });
    expect(await run()).toMatchObject({
      delivered: false,
      status: 404,
      answer: 'no such pager',
      error: 'The receiver answered 404.',
    });
    receiver.answer = () => new Response('', { status: 302, headers: { location: `${receiver.url}/else` } });
    expect(await run()).toMatchObject({
      delivered: false,
      status: 302,
      error: 'The receiver answered 302; redirects are not followed.',
    });
    expect(receiver.requests.map(({ path }) => path)).not.toContain('/else');
    receiver.answer = () => new Response('thank you');
  });

  test('goes to a channel that is disabled as well, is audited, and is no delivery', async () => {
    const { id } = await addChannel(rig, webhook());
    await rig.call('PATCH', `/alert-channels/${id}`, { enabled: false });
    expect(await (await rig.call('POST', `/alert-channels/${id}/test`)).json()).toMatchObject({
      delivered: true,
    });
    const [entry] = (await auditOf(rig.stack, id)).filter(({ action }) => action === 'alert_channel.tested');
    expect(entry).toMatchObject({ after: { kind: 'webhook', delivered: true, status: 200 } });
    const deliveries = await (await rig.call('GET', `/alert-channels/${id}/deliveries`)).json();
    expect(alertDeliveryPage.parse(deliveries).items).toEqual([]);
  });

  test('says when nobody listens', async () => {
    const gone = startReceiver();
    const { id } = await addChannel(rig, { kind: 'webhook', url: gone.url });
    await gone.close();
    expect(await (await rig.call('POST', `/alert-channels/${id}/test`)).json()).toMatchObject({
      delivered: false,
      status: null,
      answer: null,
      error: 'The connection was refused.',
    });
  });
});

test('a viewer reads channels and their deliveries, and changes and tests none', async () => {
  const { id } = await addChannel(rig, webhook());
  const viewer = await createApiKey(rig.stack, 'viewer');
  const status = async (method: string, path: string, body?: unknown) => {
    const headers = { 'content-type': 'application/json' };
    const init = body === undefined ? {} : { headers, body: JSON.stringify(body) };
    return (await callApi(rig.stack, viewer, method, `/alert-channels${path}`, init)).status;
  };
  expect(await status('GET', '')).toBe(200);
  expect(await status('GET', `/${id}`)).toBe(200);
  expect(await status('GET', `/${id}/deliveries`)).toBe(200);
  expect(await status('POST', '', { name: 'x', target: webhook() })).toBe(403);
  expect(await status('PATCH', `/${id}`, { name: 'x' })).toBe(403);
  expect(await status('DELETE', `/${id}`)).toBe(403);
  expect(await status('POST', `/${id}/secret`)).toBe(403);
  expect(await status('POST', `/${id}/test`)).toBe(403);
  alertChannel.strict().parse(await readChannel(rig, id));
  // The address lets whoever has it post there.
  const seen = alertChannelList
    .parse(await (await callApi(rig.stack, viewer, 'GET', '/alert-channels')).json())
    .items.find((channel) => channel.id === id);
  expect(seen?.target).toEqual({ kind: 'webhook', url: `${new URL(webhook().url).origin}/` });
  expect((await readChannel(rig, id)).target).toEqual(webhook());
  for (const path of ['', '/test', '/secret', '/deliveries']) {
    const method = path === '' || path === '/deliveries' ? 'GET' : 'POST';
    expect((await rig.call(method, `/alert-channels/${randomUUID()}${path}`)).status, path).toBe(404);
  }
});

test('without the setting, an address that is not public is refused when it is given', async () => {
  const strict = await startAlertRig(await startStack({ broker: false }));
  const statusOf = async (url: string) => {
    const response = await strict.call('POST', '/alert-channels', {
      name: 'x',
      target: { kind: 'webhook', url },
    });
    return [
      response.status,
      ((await response.json()) as { errors?: { field: string }[] }).errors?.[0]?.field,
    ];
  };
  const hosts = [
    '127.0.0.1',
    '10.1.2.3',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '2130706433',
    '0x7f.1',
    '169.254.169.254',
  ];
  const answers = [];
  for (const host of hosts) answers.push(await statusOf(`http://${host}/hook`));
  const byName = await addChannel(strict, {
    kind: 'webhook',
    url: `http://localhost:${new URL(receiver.url).port}/`,
  });
  const before = receiver.requests.length;
  const tried = await (await strict.call('POST', `/alert-channels/${byName.id}/test`)).json();
  strict.close();
  await strict.stack.close();
  expect(answers).toEqual(hosts.map(() => [422, '/target/url']));
  expect(tried).toMatchObject({
    delivered: false,
    status: null,
    error: 'localhost is not a public address; ALERT_PRIVATE_ADDRESSES allows others.',
  });
  expect(receiver.requests).toHaveLength(before);
}, 60_000);
