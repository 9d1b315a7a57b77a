import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { type ApiClient, apiClient, auditOf, callApi, createApiKey, statusOf } from './devices.ts';
import {
  connectDevice,
  inbox,
  registerDevice,
  type Stack,
  startStack,
  type TestDevice,
  until,
} from './harness.ts';

let stack: Stack;
let api: ApiClient;
let key: string;
let device: TestDevice;
/** The start of the hour before the last one. */
const START = Math.floor(Date.now() / 3_600_000 - 2) * 3_600_000;
const COUNT = 120;

beforeAll(async () => {
  stack = await startStack();
  api = await apiClient(stack);
  key = await createApiKey(stack, 'admin');
  device = await registerDevice(stack.url);
  const client = await connectDevice(stack.broker.mqttUrl, device);
  const acknowledged = inbox(client);
  await client.subscribeAsync(`device/${device.uuid}/ack`, { qos: 1 });
  await client.publishAsync(
    `device/${device.uuid}/about`,
    JSON.stringify({ fw: '1.4.0', board: 'esp8266', f: { temp: { u: '°C', k: 'temperature' } } }),
    { qos: 1 },
  );
  for (let n = 1; n <= COUNT; n++) {
    const body = { b: 7, n, ts: START + n * 60_000, temp: n, door: n % 2 === 0, note: `=${n}` };
    // Even ones at QoS 0: the broker gives them to the server at QoS 1.
    client.publish(`device/${device.uuid}/data`, JSON.stringify(body), { qos: n % 2 === 0 ? 0 : 1 });
  }
  await until('all are acknowledged to the device', () =>
    acknowledged.all.some(({ payload }) => payload === JSON.stringify({ b: 7, n: COUNT })),
  );
  client.publish(`device/${device.uuid}/data`, 'no json', { qos: 1 });
  await until('the reject is counted', async () => (await account()).rejected === 1);
  client.end(true);
}, 60_000);
afterAll(() => stack.close(), 30_000);

async function account() {
  const response = await api.devices[':id'].telemetry.account.$get({ param: { id: device.uuid } });
  return await response.json();
}

function query(parameters: Record<string, string>, id = device.uuid) {
  return api.devices[':id'].telemetry.$get({ param: { id }, query: parameters });
}

const range = { from: new Date(START).toISOString(), to: new Date(START + 3 * 3_600_000).toISOString() };

describe('telemetry of a device', () => {
  test('is answered in pages that hold each record once', async () => {
    const seen: unknown[] = [];
    let cursor: string | null = null;
    do {
      const response = await query({ ...range, order: 'asc', limit: '50', ...(cursor ? { cursor } : {}) });
      const page = await response.json();
      if (page.kind !== 'records') throw new Error('no records');
      seen.push(...page.items.map(({ data }) => data.n));
      cursor = page.next;
    } while (cursor);
    expect(seen).toEqual(Array.from({ length: COUNT }, (_, i) => i + 1));
  });

  test('is counted once in buckets of a field that is named twice', async () => {
    for (const interval of ['1m', '1h']) {
      const answer = await (await query({ ...range, fields: 'temp,temp', interval })).json();
      if (answer.kind !== 'buckets') throw new Error('no buckets');
      const counts = answer.fields.map(({ buckets }) => buckets.reduce((sum, { count }) => sum + count, 0));
      expect(counts).toEqual([COUNT]);
    }
  });

  test('is answered newest first, with the fields asked for', async () => {
    const page = await (await query({ ...range, fields: 'temp,door', limit: '1' })).json();
    expect(page).toMatchObject({
      kind: 'records',
      items: [{ at: new Date(START + COUNT * 60_000).toISOString(), data: { temp: 120, door: true } }],
      next: expect.any(String),
    });
  });

  test('is answered in buckets', async () => {
    const answer = await (await query({ ...range, interval: '1h', fields: 'temp' })).json();
    if (answer.kind !== 'buckets') throw new Error('no buckets');
    expect(answer.fields).toHaveLength(1);
    expect(answer.fields[0]?.buckets[0]).toEqual({
      at: new Date(START).toISOString(),
      count: 59,
      mean: 30,
      min: { value: 1, at: new Date(START + 60_000).toISOString() },
      max: { value: 59, at: new Date(START + 59 * 60_000).toISOString() },
      first: { value: 1, at: new Date(START + 60_000).toISOString() },
      last: { value: 59, at: new Date(START + 59 * 60_000).toISOString() },
    });
  });

  test('is answered in at most as many buckets as asked for', async () => {
    const answer = await (await query({ ...range, buckets: '20' })).json();
    if (answer.kind !== 'buckets') throw new Error('no buckets');
    expect(answer.interval).toBe('10m');
    const [field] = answer.fields;
    expect(field?.name).toBe('temp');
    expect(field?.buckets.reduce((sum, { count }) => sum + count, 0)).toBe(COUNT);
    expect(field?.buckets.length).toBeLessThanOrEqual(20);
  });

  test('has a newest record, fields with units, and an account', async () => {
    const param = { id: device.uuid };
    const latest = await (await api.devices[':id'].telemetry.latest.$get({ param })).json();
    expect(latest.record?.data).toMatchObject({ n: COUNT });
    expect(latest.values.map(({ name, value }) => [name, value])).toEqual([
      ['door', true],
      ['note', `=${COUNT}`],
      ['temp', COUNT],
    ]);
    const fields = await (await api.devices[':id'].telemetry.fields.$get({ param })).json();
    expect(fields.items.map(({ name, kind, unit }) => [name, kind, unit])).toEqual([
      ['door', 'boolean', null],
      ['note', 'string', null],
      ['temp', 'number', '°C'],
    ]);
    expect(await account()).toMatchObject({ sent: COUNT, stored: COUNT, lost: 0, rejected: 1 });
  });

  test('what the device says about itself is answered', async () => {
    const about = await (await api.devices[':id'].about.$get({ param: { id: device.uuid } })).json();
    expect(about).toMatchObject({ firmware: '1.4.0', board: 'esp8266', library: null });
  });

  test('is exported as CSV that is safe in a spreadsheet, and as lines of JSON', async () => {
    const path = `/devices/${device.uuid}/telemetry/export`;
    const times = new URLSearchParams(range);
    const csv = await callApi(stack, key, 'GET', `${path}.csv?${times}`);
    expect(csv.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    const lines = (await csv.text()).split('\r\n');
    expect(lines[0]).toBe('at,received,door,note,temp');
    expect(lines).toHaveLength(COUNT + 2);
    expect(lines[1]).toEndWith(",false,'=1,1");
    const ndjson = await (await callApi(stack, key, 'GET', `${path}.ndjson?${times}`)).text();
    const records = ndjson
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(records.map(({ data }) => data.n)).toEqual(Array.from({ length: COUNT }, (_, i) => i + 1));
  });

  test('what could not be stored is listed', async () => {
    const rejects = await (await api.telemetry.rejects.$get({ query: { device: device.uuid } })).json();
    expect(rejects.items).toMatchObject([{ reason: 'not_json', payload: 'no json', device: device.uuid }]);
  });

  test('what could not be stored is listed by devices of any version of UUID', async () => {
    const id = randomUUID().replace(/^(.{14})./, '$1f');
    await stack.sql`
      insert into telemetry_rejects (received_at, topic, device_id, reason, payload, payload_bytes)
      values (now(), ${`device/${id}/telemetry`}, ${id}, 'not_json', 'x', 1)`;
    const response = await callApi(stack, key, 'GET', `/telemetry/rejects?device=${id.toUpperCase()}`);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ items: [{ device: id }] });
  });

  test('the state of the ingest is answered', async () => {
    const status = await (await api.telemetry.ingest.$get()).json();
    expect(status).toMatchObject({ session: 'online', counts: { abouts: 1, rejected: 1, stored: COUNT } });
    expect(status.account).toEqual({ stored: COUNT, lost: 0, repeated: 0, rejected: 1 });
    expect(status.events.map(({ kind }) => kind)).toEqual(['session_created']);
  });

  test('of a device that has sent nothing is empty, of an unknown one not found', async () => {
    const silent = await registerDevice(stack.url);
    expect(await (await query({}, silent.uuid)).json()).toEqual({ kind: 'records', items: [], next: null });
    expect(await statusOf(query({}, randomUUID()))).toBe(404);
    for (const path of ['latest', 'fields', 'account', 'export.csv', 'export.ndjson']) {
      const found = await callApi(stack, key, 'GET', `/devices/${silent.uuid}/telemetry/${path}`);
      expect([path, found.status]).toEqual([path, 200]);
      const missing = await callApi(stack, key, 'GET', `/devices/${randomUUID()}/telemetry/${path}`);
      expect([path, missing.status]).toEqual([path, 404]);
    }
  });

  test.each([
    [{ buckets: '0' }],
    [{ buckets: '2001' }],
    [{ interval: '7m' }],
    [{ interval: '1s', from: '2020-01-01T00:00:00Z' }],
    [{ buckets: '10', zone: '+02:00' }],
    [{ buckets: '10', zone: 'Nowhere/City' }],
    [{ interval: '1d', zone: 'US/Pacific-New' }],
    [{ from: '2026-01-02T00:00:00Z', to: '2026-01-01T00:00:00Z' }],
    [{ from: 'yesterday' }],
    [{ cursor: 'x' }],
    [{ order: 'asc', cursor: Buffer.from('{"o":"desc","a":1,"r":1}').toString('base64url') }],
  ] as Record<string, string>[][])('%j is answered 400', async (parameters = {}) => {
    expect(await statusOf(query(parameters))).toBe(400);
  });
});

describe('changes by operators', () => {
  test('a viewer reads and changes nothing', async () => {
    const viewer = await createApiKey(stack, 'viewer');
    const path = `/devices/${device.uuid}/telemetry`;
    expect((await callApi(stack, viewer, 'GET', path)).status).toBe(200);
    expect((await callApi(stack, viewer, 'DELETE', `${path}?${new URLSearchParams(range)}`)).status).toBe(
      403,
    );
    const init = { body: '{"retentionDays":1}', headers: { 'content-type': 'application/json' } };
    expect((await callApi(stack, viewer, 'PUT', `${path}/retention`, init)).status).toBe(403);
  });

  test('a deleted range is gone and audited', async () => {
    const other = await registerDevice(stack.url);
    const client = await connectDevice(stack.broker.mqttUrl, other);
    for (let i = 0; i < 4; i++) {
      const body = JSON.stringify({ ts: START + i * 1_000, i });
      client.publish(`device/${other.uuid}/data`, body, { qos: 1 });
    }
    const items = async () => {
      const page = await (await query({ ...range, order: 'asc' }, other.uuid)).json();
      return page.kind === 'records' ? page.items.map(({ data }) => data.i) : [];
    };
    await until('they are stored', async () => (await items()).length === 4);
    client.end(true);
    const response = await api.devices[':id'].telemetry.$delete({
      param: { id: other.uuid },
      query: { from: new Date(START + 1_000).toISOString(), to: new Date(START + 3_000).toISOString() },
    });
    expect(await response.json()).toEqual({ deleted: 2 });
    expect(await items()).toEqual([0, 3]);
    expect((await auditOf(stack, other.uuid)).at(-1)).toMatchObject({
      action: 'telemetry.deleted',
      before: { records: 2 },
    });
  });

  test('the retention of a device is kept and audited', async () => {
    const other = await registerDevice(stack.url);
    const param = { id: other.uuid };
    const set = await api.devices[':id'].telemetry.retention.$put({ param, json: { retentionDays: 400 } });
    expect(set.status).toBe(200);
    const read = await api.devices[':id'].telemetry.account.$get({ param });
    expect(await read.json()).toMatchObject({ retentionDays: 400, stored: 0 });
    expect((await auditOf(stack, other.uuid)).at(-1)).toMatchObject({
      action: 'telemetry.retention_set',
      before: { retentionDays: null },
      after: { retentionDays: 400 },
    });
  });
});
