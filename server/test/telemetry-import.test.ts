import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { telemetryAnswer, telemetryImportReport } from '../contract/api/telemetry.ts';
import { systemClock } from '../src/platform/clock.ts';
import { rollUp } from '../src/telemetry/store/rollups.ts';
import { auditOf, callApi, createApiKey, insertDevices } from './devices.ts';
import { type Stack, startStack, until } from './harness.ts';

const NDJSON = 'application/x-ndjson';
const HOUR_MS = 3_600_000;
/** Of every other request. */
const REQUEST_LIMIT_MS = 30_000;
const DAY_MS = 24 * HOUR_MS;
/** The beginning of an hour 40 days ago, for which no partition is made ahead. */
const START = Math.floor((Date.now() - 40 * DAY_MS) / HOUR_MS) * HOUR_MS;
const RANGE = `from=${new Date(START - DAY_MS).toISOString()}&to=${new Date(Date.now()).toISOString()}`;

let stack: Stack;
let key: string;

beforeAll(async () => {
  stack = await startStack({ broker: false });
  key = await createApiKey(stack, 'admin');
}, 60_000);
afterAll(() => stack.close());

type Body = NonNullable<RequestInit['body']>;

async function newDevice(): Promise<string> {
  const [id = ''] = await insertDevices(stack, 1, () => ({}));
  return id;
}

function send(device: string, body: Body, type = NDJSON, by = key) {
  return callApi(stack, by, 'POST', `/devices/${device}/telemetry/import`, {
    body,
    headers: { 'content-type': type },
  });
}

async function importInto(device: string, body: Body, type = NDJSON) {
  const response = await send(device, body, type);
  expect(response.status).toBe(200);
  return telemetryImportReport.strict().parse(await response.json());
}

const at = (ms: number) => new Date(START + ms).toISOString();
const line = (ms: number, data: unknown, more: object = {}) =>
  `${JSON.stringify({ at: at(ms), data, ...more })}\n`;

async function exported(device: string, path: string): Promise<string> {
  return await (await callApi(stack, key, 'GET', `/devices/${device}/telemetry/${path}${RANGE}`)).text();
}

const awkward = [
  { text: '21', number: 21, list: [1, { a: '=2' }], flag: false, 'a name, "quoted"': 'ä😀' },
  { text: '-5', number: -5.25 },
  { text: "'quoted", at: 'a field of this name' },
  { text: '=1+1', number: 1e21, ts: 12, b: 1, n: 2 },
  {},
];

describe('an import', () => {
  test('of an export stores the same records, in both formats', async () => {
    const original = await newDevice();
    const text = awkward.map((data, n) =>
      line(n * 1_000, data, { received: at(n * 1_000 + 500).replace('Z', '007Z') }),
    );
    expect(await importInto(original, text.join(''))).toEqual({
      imported: awkward.length,
      repeated: 0,
      errors: 0,
      lines: [],
    });
    const ndjson = await exported(original, 'export.ndjson?');
    expect(
      ndjson
        .trim()
        .split('\n')
        .map((row) => JSON.parse(row).data),
    ).toEqual(awkward);
    const copy = await newDevice();
    await importInto(copy, ndjson);
    expect(await exported(copy, 'export.ndjson?')).toBe(ndjson);

    await rollUp(stack.services.db, Date.now(), new AbortController().signal);
    const csv = await exported(original, 'export.csv?');
    const fromCsv = await newDevice();
    expect(await importInto(fromCsv, csv, 'text/csv; charset=utf-8')).toMatchObject({
      imported: 5,
      errors: 0,
    });
    await rollUp(stack.services.db, Date.now(), new AbortController().signal);
    expect(await exported(fromCsv, 'export.csv?')).toBe(csv);
    const read = (await exported(fromCsv, 'export.ndjson?')).trim().split('\n');
    // Numbers of records and their time are no fields.
    const { ts: _ts, b: _b, n: _n, ...fourth } = awkward[3] as Record<string, unknown>;
    expect(read.map((row) => JSON.parse(row).data)).toEqual([...awkward.slice(0, 3), fourth, {}]);
  });

  test('takes no time of receipt that pages and live streams cannot go by', async () => {
    const device = await newDevice();
    const received = ['9999-12-31T23:59:59.999999Z', '0001-01-01T00:00:00Z', '1969-12-31T23:59:59Z'];
    const report = await importInto(
      device,
      received.map((time, i) => line(i, { i }, { received: time })).join(''),
    );
    expect(report).toMatchObject({ imported: 0, errors: 3 });
    expect(report.lines[0]).toEqual({ line: 1, reason: 'was received before 1970 or in the future' });
  });

  test('that is repeated, also twice at the same time, stores nothing twice', async () => {
    const device = await newDevice();
    const body = [line(0, { a: 1 }), line(0, { a: 1 }), line(0, { a: 2 }), line(1, { a: 1 })].join('');
    expect(await importInto(device, body)).toMatchObject({ imported: 3, repeated: 1 });
    const again = await Promise.all([importInto(device, body), importInto(device, body)]);
    expect(again.map(({ imported, repeated }) => [imported, repeated])).toEqual([
      [0, 4],
      [0, 4],
    ]);
    const [distinct] = await stack.sql`
      select count(distinct (at, received))::int as n, min(stored)::int as stored
      from telemetry join telemetry_devices on key = device where device_id = ${device}`;
    expect(distinct).toEqual({ n: 3, stored: 3 });
  });

  test('names each line that it refuses, stores the others, and is in the audit log', async () => {
    const device = await newDevice();
    const old = new Date(Date.now() - 91 * DAY_MS).toISOString();
    const body = [
      line(0, { good: 1 }),
      'no JSON\n',
      '{"at":"yesterday","data":{}}\n',
      '{"data":{}}\n',
      '\n',
      line(1, { bad: '\0' }),
      `{"at":"${at(1)}","data":{"bad":1e999}}\n`,
      `{"at":"${old}","data":{}}\n`,
      `{"at":"${new Date(Date.now() + DAY_MS).toISOString()}","data":{}}\n`,
      line(2, { good: 2 }).trimEnd(),
    ].join('');
    const report = await importInto(device, body);
    expect(report).toMatchObject({ imported: 2, errors: 7 });
    expect(report.lines.map((found) => [found.line, found.reason.slice(0, 22)])).toEqual([
      [2, 'is not JSON'],
      [3, '"at" is not a time of '],
      [4, 'must be an object with'],
      [6, 'data is refused: bad_t'],
      [7, 'data is refused: bad_n'],
      [8, 'was measured before 20'],
      [9, 'was measured in the fu'],
    ]);
    expect((await auditOf(stack, device)).at(-1)).toMatchObject({
      action: 'telemetry.imported',
      after: { imported: 2, errors: 7, isComplete: true, from: at(0), to: at(2) },
    });
    const csv = 'at,temp\n'.concat(
      `${at(9)},1,2\n`,
      `${at(10)},21.5\n`,
      `${at(11)},-1e999\n`,
      `${at(12)},"open\n`,
    );
    expect(await importInto(device, csv, 'text/csv')).toMatchObject({
      imported: 1,
      errors: 3,
      lines: [{ line: 2 }, { line: 4 }, { line: 5 }],
    });
    expect(await importInto(device, 'time,temp\n', 'text/csv')).toMatchObject({ imported: 0, errors: 1 });
  });

  test('has the rollups of its hours made again', async () => {
    const device = await newDevice();
    const signal = new AbortController().signal;
    const buckets = async () => {
      const path = `/devices/${device}/telemetry?interval=1h&fields=v&${RANGE}`;
      const answer = await (await callApi(stack, key, 'GET', path)).json();
      const found = telemetryAnswer.parse(answer);
      if (found.kind !== 'buckets') throw new Error('no buckets');
      const { fields, source } = found;
      return [source, fields[0]?.buckets.map(({ count, mean }) => [count, mean])];
    };
    await importInto(device, line(0, { v: 1 }) + line(1_000, { v: 2 }));
    await rollUp(stack.services.db, Date.now(), signal);
    expect(await buckets()).toEqual(['rollups', [[2, 1.5]]]);
    await importInto(device, line(2_000, { v: 6 }));
    expect(await buckets()).toEqual(['rollups', [[3, 3]]]);
    await rollUp(stack.services.db, Date.now(), signal);
    const [rollup] = await stack.sql`
      select n::int, sum from telemetry_rollups join telemetry_devices on key = device where device_id = ${device}`;
    expect(rollup).toEqual({ n: 3, sum: 9 });
  });

  test('of more than any other body is stored while it is sent', async () => {
    const device = await newDevice();
    const count = 60_000;
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        const lines = Array.from({ length: 1_000 }, (_, n) =>
          line(sent + n, { n: sent + n, pad: 'x'.repeat(60) }),
        );
        sent += 1_000;
        controller.enqueue(new TextEncoder().encode(lines.join('')));
        if (sent === count) controller.close();
      },
    });
    expect(await importInto(device, body)).toMatchObject({ imported: count, errors: 0 });
  }, 60_000);

  test('that is broken off keeps what came before, and says so in the audit log', async () => {
    const device = await newDevice();
    const controller = new AbortController();
    const body = new ReadableStream<Uint8Array>({
      start(stream) {
        const lines = Array.from({ length: 2_500 }, (_, n) => line(n, { n }));
        stream.enqueue(new TextEncoder().encode(lines.join('')));
      },
    });
    const request = callApi(stack, key, 'POST', `/devices/${device}/telemetry/import`, {
      body,
      headers: { 'content-type': NDJSON },
      signal: controller.signal,
    }).catch(() => undefined);
    const stored = async () => {
      const [row] = await stack.sql`select stored::int from telemetry_devices where device_id = ${device}`;
      return row?.stored;
    };
    await until('two batches are stored', async () => (await stored()) === 2_000);
    controller.abort();
    await request;
    await until('its end is noted', async () => (await auditOf(stack, device)).length > 0);
    expect((await auditOf(stack, device)).at(-1)).toMatchObject({
      after: { imported: 2_000, isComplete: false },
    });
    expect(await stored()).toBe(2_000);
  });

  test('is refused to viewers, for unknown devices, and in other formats', async () => {
    const device = await newDevice();
    const viewer = await createApiKey(stack, 'viewer');
    expect((await send(device, line(0, {}), NDJSON, viewer)).status).toBe(403);
    expect((await send(randomUUID(), line(0, {}))).status).toBe(404);
    expect((await send(device, '{}', 'application/json')).status).toBe(415);
    expect((await send(device, new Uint8Array([0xff, 0xfe, 0x0a]))).status).toBe(422);
  });
});

test('an import may take longer than other requests', async () => {
  const limits: (() => void)[] = [];
  const clock = {
    ...systemClock,
    setTimer(callback: () => void, delayMs: number) {
      if (delayMs === REQUEST_LIMIT_MS) limits.push(callback);
      return systemClock.setTimer(callback, delayMs);
    },
  };
  const own = await startStack({ broker: false, clock, database: stack.database });
  const device = await newDevice();
  const rest = Promise.withResolvers<void>();
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      const encode = (text: string) => controller.enqueue(new TextEncoder().encode(text));
      encode(Array.from({ length: 1_000 }, (_, n) => line(n, { n })).join(''));
      await rest.promise;
      encode(line(1_000, { n: 1_000 }));
      controller.close();
    },
  });
  const response = callApi(own, key, 'POST', `/devices/${device}/telemetry/import`, {
    body,
    headers: { 'content-type': NDJSON },
  });
  await until('the first batch is stored', async () => {
    const [row] = await stack.sql`select stored::int from telemetry_devices where device_id = ${device}`;
    return row?.stored === 1_000;
  });
  for (const limit of limits) limit();
  rest.resolve();
  expect(await (await response).json()).toMatchObject({ imported: 1_001 });
  await own.close();
}, 30_000);
