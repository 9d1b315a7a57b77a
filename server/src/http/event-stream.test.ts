import { expect, test } from 'bun:test';
import { connect } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { Hono } from 'hono';
import { systemClock } from '../platform/clock.ts';
import { type EventStream, eventStream } from './event-stream.ts';
import { listen } from './listen.ts';

const stopping = new AbortController().signal;
const KIB_64 = 'x'.repeat(64 * 1024);
/** Far more than what sockets and the stream hold. */
const MAX_SENT = 1_024;

test('a viewer that does not read is cut off', async () => {
  const begun = Promise.withResolvers<EventStream>();
  const app = new Hono().get('/', (c) => eventStream(c, { clock: systemClock, stopping }, begun.resolve));
  const server = listen({ port: 0, idleTimeout: 30, maxRequestBodySize: 1, fetch: app.fetch });
  const socket = connect({ port: server.port ?? 0, host: '127.0.0.1' });
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  socket.pause();
  const stream = await begun.promise;
  let sent = 0;
  for (; sent < MAX_SENT && !stream.signal.aborted; sent++) {
    stream.send({ name: 'some', data: KIB_64 });
    await setImmediate();
  }
  expect(stream.signal.aborted).toBe(true);
  expect(sent).toBeLessThan(MAX_SENT);
  socket.destroy();
  await server.stop(true);
});

test('events that are sent together reach a viewer that reads, however large they are', async () => {
  const app = new Hono().get('/', (c) =>
    eventStream(c, { clock: systemClock, stopping }, (stream) => {
      stream.send(...Array.from({ length: 64 }, () => ({ name: 'some', id: '1', data: KIB_64 })));
      stream.end();
    }),
  );
  const text = await (await app.request('/')).text();
  expect(text.match(/^event: some\nid: 1\ndata: "x{65536}"$/gm)).toHaveLength(64);
});
