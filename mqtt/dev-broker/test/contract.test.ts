import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { comparable, exchanges, requestOf } from './exchanges.ts';
import { allow, connect, openTarget, type Target } from './target.ts';

// Runs against the dev broker, or against a real EMQX with EMQX_URL, EMQX_MQTT_URL, EMQX_API_KEY and
// EMQX_API_SECRET set. That EMQX must be one to spare: its authentication and authorization are rewritten.

let target: Target;

beforeAll(async () => {
  target = await openTarget();
});

afterAll(async () => {
  await target.close();
});

const [MASTER, AGENT, OTHER] = ['1', '2', '3'].map(uuidOf) as [string, string, string];

describe('recorded exchanges', () => {
  test('every call is answered as EMQX answered it', async () => {
    const { api, mqttUrl, reset } = target;
    await reset();
    // The clients that were connected when a call was recorded, by the first call that knows of them.
    const scene: Record<string, () => Promise<void>> = {
      [`DELETE /clients/${AGENT}/authorization/cache`]: async () => {
        const server = await connect(mqttUrl, 'server-a', { claims: { acl: [allow('#', 'subscribe')] } });
        await server.subscribe(['a', 'b', 'c', 'd', '$share/server/e']);
        await connect(mqttUrl, AGENT);
        const master = await connect(mqttUrl, MASTER);
        await master.subscribe(`device/${AGENT}/master`);
      },
      'GET /clients?limit=2': async () => {
        await connect(mqttUrl, OTHER);
      },
    };
    for (const exchange of exchanges) {
      const call = `${exchange.method} ${exchange.path}`;
      await scene[call]?.();
      const request = requestOf(exchange, new Date());
      const answer = await api(exchange.method, exchange.path, request ?? undefined);
      expect({ call, note: exchange.note, ...answer, body: answered(call, answer.body) }).toEqual({
        call,
        note: exchange.note,
        status: exchange.status,
        body: answered(call, exchange.response),
      });
    }
  });
});

/** Which clients come first on a page is not EMQX's to promise. */
function answered(call: string, body: unknown): unknown {
  if (call === 'GET /clients?limit=2') {
    const page = body as { data: object[]; meta: unknown };
    return { fields: page.data.map((client) => Object.keys(client).sort()), meta: comparable(page.meta) };
  }
  return comparable(body);
}

function uuidOf(digit: string): string {
  const of = (length: number) => digit.repeat(length);
  return `${of(8)}-${of(4)}-4${of(3)}-8${of(3)}-${of(12)}`;
}
