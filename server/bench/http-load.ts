/**
 * Asks for tokens as fast as they come, one request at a time on each connection. Speaks HTTP over bare sockets, so that
 * it takes little of the machine that the servers need.
 */
import type { Socket } from 'bun';
import { z } from 'zod';
import { answerParent } from './answer-parent.ts';

const runArgument = z.object({
  port: z.number(),
  /** What to ask for, in turn. */
  requests: z.array(z.object({ path: z.string(), credential: z.string() })),
  connections: z.number(),
  /** Ends after so many milliseconds … */
  durationMs: z.number().optional(),
  /** … or so many answers. */
  answers: z.number().optional(),
});

interface Connection {
  received: string;
}

async function run(argument: unknown): Promise<{ answers: number; refused: number; ms: number }> {
  const { port, requests, connections, durationMs, answers: wanted } = runArgument.parse(argument);
  const texts = requests.map(
    ({ path, credential }) =>
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${credential}\r\n\r\n`,
  );
  let next = 0;
  let answers = 0;
  let refused = 0;
  let running = true;
  const done = Promise.withResolvers<void>();

  function ask(socket: Socket<Connection>): void {
    if (!running) return;
    socket.write(texts[next++ % texts.length] ?? '');
  }

  const opened = await Promise.all(
    Array.from({ length: connections }, () =>
      Bun.connect<Connection>({
        hostname: '127.0.0.1',
        port,
        data: { received: '' },
        socket: {
          data(socket, chunk) {
            socket.data.received += chunk.toString('latin1');
            const length = answerLength(socket.data.received);
            if (length === undefined || socket.data.received.length < length) return;
            answers++;
            if (!socket.data.received.startsWith('HTTP/1.1 200')) refused++;
            socket.data.received = '';
            if (wanted !== undefined && answers >= wanted) done.resolve();
            ask(socket);
          },
          close() {
            if (running) done.reject(new Error('the server closed a connection'));
          },
        },
      }),
    ),
  );
  const startedAt = performance.now();
  for (const socket of opened) ask(socket);
  if (durationMs !== undefined) setTimeout(done.resolve, durationMs);
  await done.promise;
  running = false;
  const ms = performance.now() - startedAt;
  for (const socket of opened) socket.end();
  return { answers, refused, ms };
}

function answerLength(received: string): number | undefined {
  const bodyAt = received.indexOf('\r\n\r\n');
  if (bodyAt === -1) return undefined;
  const [, bytes] = /\r\ncontent-length: *(\d+)/i.exec(received.slice(0, bodyAt)) ?? [];
  return bodyAt + 4 + Number(bytes);
}

answerParent({ run });
