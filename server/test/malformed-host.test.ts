import { afterAll, beforeAll, expect, test } from 'bun:test';
import { connect } from 'node:net';
import { type Stack, startStack } from './harness.ts';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ broker: false });
}, 60_000);
afterAll(() => stack.close());

/** What the server answers to a request whose Host header is written as given. */
function answerTo(path: string, host: string): Promise<string> {
  return answerToHead(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close`);
}

function answerToHead(head: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(stack.url).port) });
  let received = '';
  socket.on('data', (bytes) => {
    received += bytes.toString('latin1');
  });
  socket.on('error', reject);
  socket.on('close', () => resolve(received));
  socket.write(`${head}\r\n\r\n`);
  return promise;
}

test.each(['[', '[::1', 'a b', 'x:y', '%', 'a:99999'])(
  'the Host %j is refused with 400 everywhere',
  async (host) => {
    for (const path of ['/api/v1/devices', '/auth/devices/request', '/docs']) {
      expect(await answerTo(path, host)).toStartWith('HTTP/1.1 400');
    }
  },
);

test.each(['example.net', '127.0.0.1:3000', '[::1]:3000', 'EXAMPLE.net.'])(
  'the Host %j is taken',
  async (host) => {
    expect(await answerTo('/auth/devices/request', host)).toStartWith('HTTP/1.1 401');
  },
);

test('without a host probes alone are answered', async () => {
  expect(await answerToHead('GET /health/live?x=/y HTTP/1.0')).toStartWith('HTTP/1.1 200');
  expect(await answerTo('/health/live', '')).toStartWith('HTTP/1.1 200');
  for (const path of ['/mqtt', '/xx/mqtt', '/auth/devices/request', '/api/v1/devices', '/']) {
    const answer = await answerToHead(`GET ${path} HTTP/1.0`);
    expect(answer).toStartWith('HTTP/1.1 400');
    expect(answer).toContain('The Host header is missing or malformed.');
  }
});
