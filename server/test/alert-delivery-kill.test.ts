import { afterAll, beforeAll, expect, test } from 'bun:test';
import postgres from 'postgres';
import { Webhook } from 'standardwebhooks';
import { startServer } from '../dev/stack.ts';
import { type Receiver, startReceiver } from './alert-receiver.ts';
import { hastyClock } from './clocks.ts';
import { callApi, createApiKey } from './devices.ts';
import { startStack, until, untilReady } from './harness.ts';
import { silentLog } from './logs.ts';
import { type Surroundings, startSurroundings } from './server-child.ts';

let surroundings: Surroundings;
let receiver: Receiver;
let sql: postgres.Sql;

beforeAll(async () => {
  surroundings = await startSurroundings();
  receiver = startReceiver();
  sql = postgres(surroundings.env.DATABASE_URL ?? '', { max: 1, onnotice: () => {} });
}, 90_000);
afterAll(async () => {
  await sql.end();
  await receiver.close();
  await surroundings.close();
}, 30_000);

/** A channel, and an alert that waits to be told to it. */
async function queueAlert(
  on: postgres.Sql,
  server: { readonly url: string },
  key: string,
  url: string,
): Promise<{ readonly id: string; readonly secret: string }> {
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ name: 'hook', target: { kind: 'webhook', url } });
  const response = await callApi(server, key, 'POST', '/alert-channels', { headers, body });
  if (response.status !== 201) throw new Error(await response.text());
  const channel = (await response.json()) as { id: string; secret: string };
  await on`
    with fired as (
      insert into alerts (rule_name, kind, device_id, device_name, message, untold)
      values ('too warm', 'threshold', gen_random_uuid(), 'Kitchen', 'temperature is 31, above 30.', false)
      returning id)
    insert into alert_outbox (channel_id, alert_id, created_at)
    select ${channel.id}, id, now() - interval '10 seconds' from fired`;
  return channel;
}

test('a message that was being sent when the server was killed is sent again with the same id', async () => {
  const env = { ALERT_PRIVATE_ADDRESSES: 'true' };
  const first = await surroundings.start(env);
  await untilReady(first.url, 60_000);
  const key = await createApiKey({ sql }, 'admin');
  // The receiver takes the message, but its answer never arrives.
  receiver.answer = () => new Promise(() => {});
  const channel = await queueAlert(sql, first, key, receiver.url);
  await receiver.got(1);
  first.child.signal('SIGKILL');
  await first.child.exited;
  const [claimed] = await sql`select state, attempts, claimed_until > now() as claimed from alert_messages`;
  expect(claimed).toEqual({ state: 'queued', attempts: 1, claimed: true });

  receiver.answer = () => new Response('');
  await surroundings.start(env);
  await sql`update alert_messages set claimed_until = now()`;
  await receiver.got(2);
  await until('it is delivered', async () => {
    const [row] = await sql`select state from alert_messages`;
    return row?.state === 'delivered';
  });
  const [once, again] = receiver.requests;
  expect(again?.headers['webhook-id']).toBe(once?.headers['webhook-id'] as string);
  expect(again?.body).toBe(once?.body as string);
  const webhook = new Webhook(channel.secret);
  for (const { body, headers } of receiver.requests) expect(webhook.verify(body, headers)).toBeTruthy();
  expect(receiver.requests).toHaveLength(2);
}, 120_000);

test('two servers deliver each message once', async () => {
  const clock = hastyClock();
  const stack = await startStack({ broker: false, clock, env: { ALERT_PRIVATE_ADDRESSES: 'true' } });
  const second = await startServer(
    { ...stack.env, PORT: '0', INSTANCE_ID: 'second' },
    { log: silentLog(), clock },
  );
  await second.started;
  const own = startReceiver();
  const key = await createApiKey(stack, 'admin');
  const channels = [];
  for (let at = 0; at < 12; at++) channels.push(await queueAlert(stack.sql, stack, key, `${own.url}/${at}`));
  await until('all are delivered', async () => {
    const rows = await stack.sql`select from alert_messages where state = 'delivered'`;
    return rows.length === channels.length;
  });
  const ids = own.requests.map(({ headers }) => headers['webhook-id']);
  const paths = own.requests.map(({ path }) => path);
  await second.close();
  await own.close();
  await stack.close();
  expect(new Set(ids).size).toBe(12);
  expect(ids).toHaveLength(12);
  expect(new Set(paths).size).toBe(12);
}, 90_000);
