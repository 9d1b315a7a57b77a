import { Hono } from 'hono';
import { z } from 'zod';
import { describeOpenOperation } from '../http/describe-open.ts';
import type { AppEnv } from '../http/device-answer.ts';
import { allowOnly } from '../http/device-answer.ts';
import type { Clock } from '../platform/clock.ts';

/** One part the server depends on: `ok`, which a remark may follow, or in a few words what is wrong. */
export type Check = () => string | Promise<string>;

export interface HealthDeps {
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly checks: Readonly<Record<string, Check>>;
}

/** What is right is asked for once a second, what is wrong more often: somebody waits for its end. */
const READY_CACHED_MS = 1_000;
const UNREADY_CACHED_MS = 100;

const alive = z.object({ status: z.literal('ok') });
const readiness = z.object({
  status: z.enum(['ok', 'unavailable']),
  checks: z
    .record(z.string(), z.string())
    .describe('Each part the server depends on: `ok`, which a remark may follow, or what is wrong'),
});
const describeLive = describeOpenOperation({
  id: 'checkLiveness',
  summary: 'Whether the process runs',
  answers: { 200: { meaning: 'It runs', body: alive } },
});
const describeReady = describeOpenOperation({
  id: 'checkReadiness',
  summary: 'Whether database and broker can be used',
  description:
    'Answers from the last second, or from the last 0.1 s while something is wrong. A server that is not ready because of the broker still issues tokens.',
  answers: {
    200: { meaning: 'Both can be used', body: readiness },
    503: { meaning: 'One of them cannot; `checks` says which', body: readiness },
  },
});

/**
 * `/health/live`: the process runs. `/health/ready`: 200 when the database and the broker can be used, else 503; either
 * way each part's state. A server that is not ready because of the broker still issues tokens.
 */
export function healthRoutes(deps: HealthDeps): Hono<AppEnv> {
  const app = new Hono<AppEnv>();

  app.get('/health/live', describeLive, (c) => {
    c.header('Cache-Control', 'no-store');
    return c.json({ status: 'ok' });
  });
  allowOnly(app, '/health/live', 'GET, HEAD');

  const names = Object.keys(deps.checks);
  let asked = { at: Number.NEGATIVE_INFINITY, ready: false, states: Promise.resolve<readonly string[]>([]) };

  /** Shared by requests of the same moment: anyone may ask, and each answer takes the database. */
  function currentStates(): Promise<readonly string[]> {
    const at = deps.clock.monotonic();
    if (at - asked.at >= (asked.ready ? READY_CACHED_MS : UNREADY_CACHED_MS)) {
      const states = Promise.all(Object.values(deps.checks).map((check) => check()));
      const current = { at, ready: true, states };
      states.then(
        (found) => {
          current.ready = isReady(found);
        },
        () => {
          current.ready = false;
        },
      );
      asked = current;
    }
    return asked.states;
  }

  app.get('/health/ready', describeReady, async (c) => {
    const states = await currentStates();
    const ready = isReady(states);
    c.header('Cache-Control', 'no-store');
    return c.json(
      {
        status: ready ? 'ok' : 'unavailable',
        checks: Object.fromEntries(names.map((name, index) => [name, states[index]])),
      },
      ready ? 200 : 503,
    );
  });
  allowOnly(app, '/health/ready', 'GET, HEAD');

  return app;
}

function isReady(states: readonly string[]): boolean {
  return states.every((state) => /^ok\b/.test(state));
}
