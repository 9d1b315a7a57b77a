import { afterAll, beforeAll, expect, test } from 'bun:test';
import { createServer, type Server, type Socket } from 'node:net';
import { manualClock } from '../../../test/clocks.ts';
import { systemClock } from '../../platform/clock.ts';
import { createHttpPost, TargetError } from './http-post.ts';

let server: Server;
let port: number;
/** What each connection said, and how they are answered. */
const heard: string[] = [];
const sockets = new Set<Socket>();
let answer: (socket: Socket) => void = () => {};

beforeAll(async () => {
  server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('data', (bytes) => {
      heard.push(bytes.toString('latin1'));
      answer(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  port = address.port;
});
afterAll(() => {
  for (const socket of sockets) socket.destroy();
  server.close();
});

const request = { headers: { 'content-type': 'application/json' }, body: '{}' };

async function failure(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof TargetError)) throw new Error(`no TargetError: ${error}`);
  return error.message;
}

test('a name is resolved once, and the connection goes to the address that was checked', async () => {
  answer = (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  const asked: string[] = [];
  // The second answer leads elsewhere, as a rebinding name server would.
  const resolve = async (host: string) => (asked.push(host) === 1 ? ['127.0.0.1'] : ['192.0.2.1']);
  const post = createHttpPost({ clock: systemClock, allowPrivate: true, resolve });
  expect(await post(`http://rebind.example:${port}/a?b=c`, request)).toEqual({ status: 200, text: 'ok' });
  expect(asked).toEqual(['rebind.example']);
  const said = heard.at(-1) ?? '';
  expect(said).toStartWith('POST /a?b=c HTTP/1.1\r\n');
  expect(said.toLowerCase()).toContain(`host: rebind.example:${port}\r\n`);
});

test('a name is refused where any of its addresses is not public', async () => {
  const before = heard.length;
  for (const addresses of [['127.0.0.1'], ['8.8.8.8', '10.0.0.1'], ['::ffff:127.0.0.1'], ['fd00::1']]) {
    const post = createHttpPost({
      clock: systemClock,
      allowPrivate: false,
      resolve: async () => addresses,
    });
    expect(await failure(post(`http://inside.example:${port}/`, request))).toBe(
      'inside.example is not a public address; ALERT_PRIVATE_ADDRESSES allows others.',
    );
  }
  expect(heard).toHaveLength(before);
});

test('an address in the URL is checked in whatever form it is written', async () => {
  const before = heard.length;
  const resolve = async (): Promise<never> => {
    throw new Error('an address is not resolved');
  };
  const post = createHttpPost({ clock: systemClock, allowPrivate: false, resolve });
  for (const host of ['127.0.0.1', '2130706433', '0x7f000001', '0177.0.0.1', '[::1]', '[::ffff:127.0.0.1]']) {
    expect(await failure(post(`http://${host}:${port}/`, request)), host).toContain(
      'is not a public address',
    );
  }
  expect(heard).toHaveLength(before);
});

test('a redirect is an answer', async () => {
  answer = (socket) =>
    socket.end(`HTTP/1.1 307 Away\r\nLocation: http://127.0.0.1:${port}/away\r\nContent-Length: 0\r\n\r\n`);
  const post = createHttpPost({ clock: systemClock, allowPrivate: true });
  const before = heard.length;
  expect(await post(`http://127.0.0.1:${port}/`, request)).toEqual({ status: 307, text: '' });
  expect(heard).toHaveLength(before + 1);
});

test('a body without an end is cut off', async () => {
  answer = (socket) => {
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    const flood = setInterval(() => socket.write(`400\r\n${'x'.repeat(1_024)}\r\n`), 1);
    socket.on('close', () => clearInterval(flood));
  };
  const post = createHttpPost({ clock: systemClock, allowPrivate: true });
  expect(await post(`http://127.0.0.1:${port}/`, request)).toEqual({ status: 200, text: 'x'.repeat(500) });
});

test('a body that breaks off does not change the status', async () => {
  answer = (socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it', () => socket.end());
  };
  const post = createHttpPost({ clock: systemClock, allowPrivate: true });
  const { status } = await post(`http://127.0.0.1:${port}/`, request);
  expect(status).toBe(200);
});

test('who does not answer within 10 s is given up', async () => {
  const clock = manualClock();
  const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
  answer = () => arrive();
  const post = createHttpPost({ clock, allowPrivate: true });
  const posted = failure(post(`http://127.0.0.1:${port}/`, request));
  await arrived;
  clock.advance(9_999);
  expect(clock.pending()).toBe(1);
  clock.advance(1);
  expect(await posted).toBe('No answer within 10 s.');
  expect(clock.pending()).toBe(0);
});

test('a name that cannot be resolved, or not in time, is told', async () => {
  const clock = manualClock();
  const failing = createHttpPost({
    clock,
    allowPrivate: true,
    resolve: async () => {
      throw new Error('ENOTFOUND');
    },
  });
  expect(await failure(failing('http://nowhere.example/', request))).toBe(
    'The name nowhere.example cannot be resolved.',
  );
  const hanging = createHttpPost({ clock, allowPrivate: true, resolve: () => new Promise(() => {}) });
  const posted = failure(hanging('http://slow.example/', request));
  clock.advance(10_000);
  expect(await posted).toBe('slow.example was not resolved in time.');
});
