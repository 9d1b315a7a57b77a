import { afterEach, describe, expect, test } from 'bun:test';
import { systemClock } from '../platform/clock.ts';
import { createEmqx, EmqxError } from './emqx.ts';

type Answer = (request: Request, attempt: number) => Response | Promise<Response>;

/** The backoff of the client, without the waiting. */
const impatient = {
  ...systemClock,
  setTimer: (callback: () => void) => systemClock.setTimer(callback, 0),
};
const random = { fraction: () => 0.5, bytes: (length: number) => new Uint8Array(length) };
const NODES = [{ node: 'emqx@127.0.0.1', version: '5.8.9', node_status: 'running', uptime: 1 }];

const open: { stop(closeActive: boolean): Promise<void> }[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.stop(true);
});

function clientOf(answer: Answer, signal?: AbortSignal) {
  const requests: { path: string; authorization: string | null }[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch(request) {
      requests.push({
        path: new URL(request.url).pathname,
        authorization: request.headers.get('authorization'),
      });
      return answer(request, requests.length);
    },
  });
  open.push(server);
  const emqx = createEmqx({
    apiUrl: `http://127.0.0.1:${server.port}/api/v5`,
    apiKey: 'key',
    apiSecret: 'a:secret',
    clock: impatient,
    random,
    timeoutMs: 150,
    ...(signal === undefined ? {} : { signal }),
  });
  return { emqx, requests, server };
}

async function failureOf(work: Promise<unknown>): Promise<EmqxError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof EmqxError)) throw new Error(`not an EmqxError: ${error}`);
  return error;
}

describe('the REST client', () => {
  test('sends the key as HTTP Basic to the path below the base', async () => {
    const { emqx, requests } = clientOf(() => Response.json(NODES));
    expect(await emqx.nodes()).toEqual([
      { node: 'emqx@127.0.0.1', version: '5.8.9', node_status: 'running' },
    ]);
    const authorization = `Basic ${btoa('key:a:secret')}`;
    expect(requests).toEqual([{ path: '/api/v5/nodes', authorization }]);
  });

  test('reads what a cluster says of a node that is stopped, and of a listener that runs on some of its nodes', async () => {
    const { emqx } = clientOf((request) =>
      request.url.endsWith('/nodes')
        ? Response.json([...NODES, { node: 'emqx@b', node_status: 'stopped', role: 'core' }])
        : Response.json([
            { id: 'tcp:default', enable: true, status: { running: 'inconsistent' } },
            { id: 'tcp:server', enable: true, status: { running: true } },
          ]),
    );
    expect((await emqx.nodes()).map(({ node_status }) => node_status)).toEqual(['running', 'stopped']);
    expect(await emqx.listeners()).toEqual([
      { id: 'tcp:default', running: false },
      { id: 'tcp:server', running: true },
    ]);
  });

  test.each([500, 502, 503, 504, 429])('retries after %i, at most twice', async (status) => {
    const once = clientOf((_, attempt) =>
      attempt === 1 ? new Response('', { status }) : Response.json(NODES),
    );
    await once.emqx.nodes();
    expect(once.requests).toHaveLength(2);
    const always = clientOf(() => new Response('', { status }));
    expect(await failureOf(always.emqx.nodes())).toMatchObject({ kind: 'unreachable', status });
    expect(always.requests).toHaveLength(3);
  });

  test('times out waiting for an answer', async () => {
    const { emqx, requests } = clientOf(() => new Promise<never>(() => {}));
    expect(await failureOf(emqx.nodes())).toMatchObject({ kind: 'unreachable', status: undefined });
    expect(requests).toHaveLength(3);
  });

  test('times out on an answer whose body does not end', async () => {
    const { emqx } = clientOf(
      () => new Response(new ReadableStream({ start: (controller) => controller.enqueue(Buffer.from('[')) })),
    );
    expect(await failureOf(emqx.nodes())).toMatchObject({ kind: 'unreachable' });
  });

  test('reports an unreachable broker', async () => {
    const { emqx, server } = clientOf(() => Response.json(NODES));
    await server.stop(true);
    expect(await failureOf(emqx.nodes())).toMatchObject({ kind: 'unreachable', status: undefined });
  });

  test.each([
    [401, 'BAD_API_KEY_OR_SECRET'],
    [403, 'FORBIDDEN'],
  ])('reports a key refused with %i without a retry, naming the variables', async (status, code) => {
    const { emqx, requests } = clientOf(() => Response.json({ code, message: 'x' }, { status }));
    const failure = await failureOf(emqx.nodes());
    expect(failure).toMatchObject({ kind: 'unauthorized', status, code });
    expect(failure.message).toContain('EMQX_API_KEY');
    expect(failure.message).not.toContain('secret');
    expect(requests).toHaveLength(1);
  });

  test('reports a refusal with its reason, without a retry', async () => {
    const { emqx, requests } = clientOf(() =>
      Response.json({ code: 'BAD_REQUEST', message: 'too many rules' }, { status: 400 }),
    );
    const failure = await failureOf(emqx.replaceRulesForAll([]));
    expect(failure).toMatchObject({ kind: 'refused', status: 400, code: 'BAD_REQUEST' });
    expect(failure.message).toContain('too many rules');
    expect(requests).toHaveLength(1);
  });

  test.each([
    ['no JSON', () => new Response('<html>welcome</html>')],
    ['another form', () => Response.json({ data: [] })],
    ['a wrong type', () => Response.json([{ ...NODES[0], version: 5 }])],
    ['nothing', () => new Response('')],
  ])('reports an answer with %s, without a retry', async (_, answer) => {
    const { emqx, requests } = clientOf(answer);
    expect(await failureOf(emqx.nodes())).toMatchObject({ kind: 'unexpected' });
    expect(requests).toHaveLength(1);
  });

  test('does not follow a redirection with its key', async () => {
    const elsewhere = clientOf(() => Response.json(NODES));
    const { emqx } = clientOf(() => Response.redirect(elsewhere.server.url.href));
    await failureOf(emqx.nodes());
    expect(elsewhere.requests).toHaveLength(0);
  });

  test('cancels calls and retries when the server stops', async () => {
    const stopping = new AbortController();
    const { emqx, requests } = clientOf(() => {
      stopping.abort();
      return new Promise<never>(() => {});
    }, stopping.signal);
    expect(await failureOf(emqx.nodes())).toMatchObject({ kind: 'unreachable' });
    expect(requests).toHaveLength(1);
  });

  test('handles an existing authenticator and missing rules', async () => {
    const conflict = clientOf(() => Response.json({ code: 'ALREADY_EXISTS' }, { status: 409 }));
    await conflict.emqx.createAuthenticator({} as never);
    const absent = clientOf(() => Response.json({ code: 'NOT_FOUND' }, { status: 404 }));
    expect(await absent.emqx.rulesForAll()).toBeUndefined();
  });
});
