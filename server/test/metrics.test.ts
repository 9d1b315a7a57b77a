import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { createMetrics } from '../src/platform/metrics.ts';
import { callApi, createApiKey, insertDevices } from './devices.ts';
import {
  AGENT_SECRET,
  callDevice,
  connectDevice,
  inbox,
  registerDevice,
  type Stack,
  startStack,
  tokenPath,
  until,
} from './harness.ts';

const TOKEN = 'metrics-token-0123456789';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ env: { METRICS_TOKEN: TOKEN } });
}, 60_000);
afterAll(() => stack.close());

function scrape(token: string | undefined = TOKEN, url = stack.url): Promise<Response> {
  return fetch(
    `${url}/metrics`,
    token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } },
  );
}

/** The value of the series with exactly these labels. */
async function figure(series: string): Promise<number | undefined> {
  const line = (await (await scrape()).text()).split('\n').find((found) => found.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

describe('/metrics', () => {
  test('requires METRICS_TOKEN', async () => {
    for (const token of ['', 'wrong-token-0123456789']) {
      const response = await scrape(token);
      expect(response.status).toBe(401);
      expect(await response.text()).not.toContain('siot_');
    }
    const response = await scrape();
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toStartWith('text/plain; version=0.0.4');
  });

  test('counts requests by the pattern of their route, never by what a client wrote', async () => {
    const made = `/${randomUUID()}`;
    await fetch(`${stack.url}${made}`);
    await fetch(`${stack.url}/api/v1/devices/${randomUUID()}`);
    const text = await (await scrape()).text();
    expect(text).toContain('siot_http_requests_total{method="GET",route="other",status="404"} ');
    expect(text).toContain('siot_http_failures_total{route="other",reason="not_found"} ');
    expect(text).toMatch(
      /siot_http_requests_total\{method="GET",route="\/api\/v1\/devices\/:id",status="401"\} \d/,
    );
    expect(text).not.toContain(made);
  });

  test('counts token requests by result and reason', async () => {
    const uuid = randomUUID();
    const issued = 'siot_token_requests_total{result="issued",reason="none"}';
    const refused = 'siot_token_requests_total{result="refused",reason="bad_credential"}';
    const before = [(await figure(issued)) ?? 0, (await figure(refused)) ?? 0] as const;
    await callDevice(stack.url, tokenPath(uuid), AGENT_SECRET);
    await callDevice(stack.url, tokenPath(uuid), 'a-wrong-credential');
    expect([await figure(issued), await figure(refused)]).toEqual([before[0] + 1, before[1] + 1]);
  });

  test('counts messages by kind and outcome, and measures PINGs', async () => {
    const device = await registerDevice(stack.url);
    const client = await connectDevice(stack.broker.mqttUrl, device);
    const answers = inbox(client);
    const topic = `device/${device.uuid}/ping`;
    await client.subscribeAsync(topic);
    await client.publishAsync(topic, 'no JSON');
    await client.publishAsync(topic, '{"c":"PING"}');
    await until('the PONG is answered', () => answers.all.some(({ payload }) => payload === '{"c":"PONG"}'));
    await client.endAsync();
    expect(await figure('siot_messages_total{kind="ping",outcome="answered"}')).toBe(1);
    expect(await figure('siot_messages_total{kind="dropped",outcome="not_json"}')).toBe(1);
    expect(await figure('siot_ping_duration_seconds_count')).toBe(1);
  });

  test('tells of the broker, the database and the process', async () => {
    expect(await figure('siot_broker_connected')).toBe(1);
    expect(await figure('siot_broker_runs_total{result="ok"}')).toBeGreaterThan(0);
    expect(await figure('siot_broker_differences_total{kind="settings"}')).toBeGreaterThanOrEqual(0);
    expect(await figure('siot_broker_changes_queued')).toBe(0);
    expect(await figure('siot_broker_changes_oldest_age_seconds')).toBe(0);
    expect(await figure('siot_database_connections_max')).toBeGreaterThan(0);
    expect(await figure('siot_database_statements_in_progress')).toBeGreaterThanOrEqual(0);
    expect(await figure('siot_event_loop_delay_seconds{quantile="0.99"}')).toBeGreaterThanOrEqual(0);
    expect(await figure('process_resident_memory_bytes')).toBeGreaterThan(1_000_000);
  });

  test('tells how long a change has been waiting for the broker', async () => {
    const id = randomUUID();
    await stack.sql`
      insert into broker_changes (device_id, reason, created_at) values (${id}, 'test', now() - interval '90 seconds')`;
    const age = await figure('siot_broker_changes_oldest_age_seconds');
    await stack.sql`delete from broker_changes where device_id = ${id}`;
    expect(age).toBeGreaterThanOrEqual(89);
  });

  test('counts what a run of the reconciliation found, by kind', async () => {
    const [revoked = ''] = await insertDevices(stack, 1, () => ({}));
    await stack.sql`update devices set state = 'revoked' where id = ${revoked}`;
    const bans = 'siot_broker_differences_total{kind="bansAdded"}';
    const before = (await figure(bans)) ?? 0;
    const key = await createApiKey(stack, 'admin');
    expect((await callApi(stack, key, 'POST', '/broker/reconcile')).status).toBe(200);
    expect(await figure(bans)).toBe(before + 1);
  });

  test('tells of the fleet: devices, records and commands', async () => {
    // A stack of its own: figures of the fleet are kept for seconds.
    const own = await startStack({ broker: false, env: { METRICS_TOKEN: TOKEN } });
    const [first = '', waits = ''] = await insertDevices(own, 3, () => ({}));
    await own.sql`update devices set state = 'pending' where id = ${waits}`;
    await own.sql`update devices set connected_at = now() where id = ${first}`;
    await own.sql`
      insert into telemetry_devices (device_id, stored, lost, repeated, rejected)
      values (${first}, 10, 3, 2, 1), (${waits}, 5, 0, 0, 0)`;
    await own.sql`
      insert into commands (id, device_id, name, payload, request_hash, created_by, expires_at, state)
      values ('a', ${first}, 'x', '{}', '', '', now() + interval '1 hour', 'queued'),
        ('b', ${first}, 'x', '{}', '', '', now() + interval '1 hour', 'done')`;
    const text = await (await scrape(TOKEN, own.url)).text();
    await own.close();
    const lines = [
      'siot_devices{state="pending"} 1',
      'siot_devices{state="active"} 2',
      'siot_devices{state="revoked"} 0',
      'siot_devices_online 1',
      'siot_telemetry_records_total{outcome="stored"} 15',
      'siot_telemetry_records_total{outcome="repeated"} 2',
      'siot_telemetry_records_total{outcome="rejected"} 1',
      'siot_telemetry_records_lost 3',
      'siot_telemetry_waiting 0',
      'siot_commands{state="queued"} 1',
      'siot_commands{state="done"} 1',
      'siot_commands{state="failed"} 0',
      'siot_unknown_replies_total 0',
    ];
    expect(lines.filter((line) => !text.includes(`${line}\n`))).toEqual([]);
  }, 30_000);

  test('counts failed statements by code', async () => {
    await stack.services.db.execute('select 1/0').catch(() => {});
    expect(await figure('siot_database_failures_total{code="22012"}')).toBe(1);
  });
});

test('without METRICS_PORT and METRICS_TOKEN there is no /metrics', async () => {
  const plain = await startStack({ broker: false });
  const response = await scrape(TOKEN, plain.url);
  await plain.close();
  expect(response.status).toBe(404);
}, 30_000);

test('on METRICS_PORT, and there alone, /metrics is answered without a token', async () => {
  const own = await startStack({ broker: false, env: { METRICS_PORT: '0' } });
  const url = `http://127.0.0.1:${own.services.metricsPort()}`;
  const statuses = [
    (await scrape(undefined, url)).status,
    (await fetch(`${url}/api/v1/devices`)).status,
    (await scrape(undefined, own.url)).status,
  ];
  await own.close();
  expect(statuses).toEqual([200, 404, 404]);
  await expect(fetch(`${url}/metrics`)).rejects.toThrow();
}, 30_000);

test('a figure that cannot be read leaves the others readable', async () => {
  const metrics = createMetrics();
  const figureOf = (name: string, read: () => [[Record<string, never>, number]]) =>
    metrics.observe({ name, help: name, type: 'gauge', read });
  figureOf('siot_broken', () => {
    throw new Error('not now');
  });
  figureOf('siot_whole', () => [[{}, 7]]);
  const text = await metrics.text();
  expect(text).toContain('siot_whole 7');
  expect(text).not.toMatch(/^siot_broken /m);
});
