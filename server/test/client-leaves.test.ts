import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test';
import { once } from 'node:events';
import { connect } from 'node:net';
import { createApiKey } from './devices.ts';
import { type Stack, startStack, until } from './harness.ts';
import { recordingLog, WARN } from './logs.ts';

const METRICS_TOKEN = 'metrics-token-0123456789';

const recorded = recordingLog();
let stack: Stack;
let key: string;

beforeAll(async () => {
  stack = await startStack({ log: recorded.log, env: { METRICS_TOKEN } });
  key = await createApiKey(stack, 'admin');
}, 60_000);
beforeEach(() => recorded.lines.splice(0));
afterAll(() => stack.close());

/** Sends a head and the first bytes of a body, has the server begin to read it, and leaves. */
async function leaveInBody(path: string, head: readonly string[], body: string, reset: boolean) {
  const socket = connect(Number(new URL(stack.url).port), '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  const closed = once(socket, 'close');
  const lines = [`POST /api/v1${path} HTTP/1.1`, 'host: localhost', `authorization: Bearer ${key}`, ...head];
  await new Promise((resolve) => socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`, resolve));
  // The server has taken the bytes sent before: it answers what came later on another connection.
  expect(
    (await fetch(`${stack.url}/api/v1/session`, { headers: { authorization: `Bearer ${key}` } })).status,
  ).toBe(200);
  recorded.lines.splice(0);
  if (reset) socket.resetAndDestroy();
  else socket.destroy();
  await closed;
}

const metrics = async () =>
  await (
    await fetch(`${stack.url}/metrics`, { headers: { authorization: `Bearer ${METRICS_TOKEN}` } })
  ).text();

const bodies = [
  ['JSON', '/devices', 'application/json', '{"id":"'],
  ['the JSON of a log-in', '/session', 'application/json', '{"user'],
  ['the JSON of an action', '/devices/actions', 'application/json', '{"act'],
  ['CSV', '/devices/import', 'text/csv', 'id,rol'],
] as const;
const framings = [
  ['by content-length', 'content-length: 3000', (text: string) => text],
  ['in chunks', 'transfer-encoding: chunked', (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`],
] as const;

for (const [kind, path, mediaType, text] of bodies) {
  for (const [framing, header, frame] of framings) {
    for (const reset of [false, true]) {
      const how = `${kind}, ${framing}, ${reset ? 'reset' : 'closed'}`;
      test(`a client that leaves in the middle of its body is no error of the server: ${how}`, async () => {
        await leaveInBody(path, [`content-type: ${mediaType}`, header], frame(text), reset);
        await until('the request has ended', () =>
          recorded.lines.some((line) => line.path === `/api/v1${path}`),
        );
        const line = recorded.lines.find((found) => found.path === `/api/v1${path}`);
        expect(line?.status).toBe(400);
        expect(recorded.lines.filter(({ level }) => level >= WARN)).toEqual([]);
        const failed = (await metrics())
          .split('\n')
          .filter((series) => /^siot_http_requests_total\{.*route="\/api.*status="5/.test(series));
        expect(failed).toEqual([]);
      });
    }
  }
}
