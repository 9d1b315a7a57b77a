import { describe, expect, test } from 'bun:test';
import type { ReconcileReport } from '../../contract/api/broker.ts';
import { manualClock } from '../../test/clocks.ts';
import { recordingLog, WARN } from '../../test/logs.ts';
import { EmqxError } from './emqx.ts';
import { createReconciler } from './reconciler.ts';
import { NO_DEVICE_DIFFERENCES } from './report.ts';

const RETRY_LIMIT_MS = 10_000;
const INTERVAL_MS = 3 * 60_000;
const LOOK_MS = 10_000;

const REPORT: ReconcileReport = {
  version: '5.8.9',
  differences: [],
  devices: NO_DEVICE_DIFFERENCES,
  sessions: 0,
  foreign: { authenticators: [], sources: [], clientRules: 0, bans: 0 },
  warnings: [],
};

/** A reconciler whose runs the test ends one by one. */
function loop() {
  const clock = manualClock();
  const record = recordingLog();
  const looks: number[] = [];
  let found: readonly string[] = [];
  const runs: {
    succeed(report?: Partial<ReconcileReport>): Promise<void>;
    fail(error: unknown): Promise<void>;
  }[] = [];
  const reconciler = createReconciler({
    clock,
    log: record.log,
    random: { fraction: () => 0.999, bytes: (length) => new Uint8Array(length) },
    run() {
      const { promise, resolve, reject } = Promise.withResolvers<ReconcileReport>();
      runs.push({
        succeed: (report) => settle(() => resolve({ ...REPORT, ...report })),
        fail: (error) => settle(() => reject(error)),
      });
      return promise;
    },
    async look() {
      looks.push(clock.now());
      return found;
    },
  });
  reconciler.start();
  const advance = (ms: number) => settle(() => clock.advance(ms));
  /** Lets time pass look by look. */
  const advanceLooks = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += LOOK_MS) await advance(Math.min(LOOK_MS, ms - passed));
  };
  return {
    clock,
    record,
    runs,
    looks,
    reconciler,
    advance: advanceLooks,
    find: (what: string[]) => (found = what),
  };
}

/** What an action sets off runs in micro-tasks. */
async function settle(action: () => void): Promise<void> {
  action();
  await new Promise((resolve) => setImmediate(resolve));
}

const DOWN = new EmqxError('unreachable', 'The broker REST API is unreachable.');

describe('the reconciler', () => {
  test('runs at start and then every few minutes', async () => {
    const { runs, advance, reconciler } = loop();
    expect(reconciler.status().state).toBe('never');
    expect(runs).toHaveLength(1);
    await runs[0]?.succeed();
    expect(reconciler.status()).toMatchObject({ state: 'ok', report: REPORT });
    await advance(INTERVAL_MS - 1);
    expect(runs).toHaveLength(1);
    await advance(1);
    expect(runs).toHaveLength(2);
  });

  test('runs immediately on request', async () => {
    const { runs, reconciler } = loop();
    await runs[0]?.succeed();
    await settle(() => reconciler.request('connected'));
    expect(runs).toHaveLength(2);
  });

  test('coalesces all requests made during a run into one', async () => {
    const { runs, reconciler, advance } = loop();
    for (const reason of ['a', 'b', 'c']) await settle(() => reconciler.request(reason));
    expect(runs).toHaveLength(1);
    await runs[0]?.succeed();
    expect(runs).toHaveLength(2);
    await runs[1]?.succeed();
    await advance(INTERVAL_MS - 1);
    expect(runs).toHaveLength(2);
  });

  test('retries within 10 s after every failure, until it succeeds', async () => {
    const { runs, advance, reconciler } = loop();
    for (let failed = 1; failed <= 8; failed++) {
      await runs[failed - 1]?.fail(DOWN);
      expect(reconciler.status()).toMatchObject({ state: 'failed', failure: DOWN.message });
      expect(runs).toHaveLength(failed);
      await advance(RETRY_LIMIT_MS / 2);
      expect(runs).toHaveLength(failed + 1);
    }
    await runs[8]?.succeed();
    expect(reconciler.status().state).toBe('ok');
    await advance(RETRY_LIMIT_MS);
    expect(runs).toHaveLength(9);
  });

  test('logs a failure once, a different one again, and does not expose unexpected errors', async () => {
    const { runs, advance, record, reconciler } = loop();
    const warnings = () => record.lines.filter(({ level }) => level === WARN).length;
    for (let again = 0; again < 3; again++) {
      await runs.at(-1)?.fail(DOWN);
      await advance(RETRY_LIMIT_MS / 2);
    }
    expect(warnings()).toBe(1);
    await runs.at(-1)?.fail(new EmqxError('unauthorized', 'The key is refused.'));
    expect(warnings()).toBe(2);
    await advance(RETRY_LIMIT_MS / 2);
    await runs.at(-1)?.fail(new Error('a secret detail'));
    expect(reconciler.status().failure).toBe('The run failed.');
  });

  test('reports foreign objects once, and again only when they change', async () => {
    const { runs, reconciler, record } = loop();
    const reports = () => record.lines.filter(({ msg }) => msg.includes('foreign objects')).length;
    const foreign = { ...REPORT.foreign, authenticators: ['x'] };
    await runs[0]?.succeed({ foreign });
    expect(reports()).toBe(1);
    await settle(() => reconciler.request('again'));
    await runs[1]?.succeed({ foreign });
    expect(reports()).toBe(1);
    await settle(() => reconciler.request('again'));
    await runs[2]?.succeed({ foreign: { ...foreign, sources: ['http'] } });
    expect(reports()).toBe(2);
  });

  test('runNow resolves with the result of a run that began after the call', async () => {
    const { runs, reconciler } = loop();
    const results: string[] = [];
    await settle(() => void reconciler.runNow('operator').then(({ state }) => results.push(state)));
    await runs[0]?.fail(DOWN);
    expect(results).toEqual([]);
    await runs[1]?.succeed();
    expect(results).toEqual(['ok']);
  });

  test('closing waits for the current run and starts no other', async () => {
    const { runs, reconciler, clock, advance } = loop();
    let closed = false;
    await settle(() => void reconciler.close().then(() => (closed = true)));
    expect(closed).toBe(false);
    await runs[0]?.succeed();
    expect(closed).toBe(true);
    await advance(INTERVAL_MS);
    expect(runs).toHaveLength(1);
    expect(clock.pending()).toBe(0);
  });
});
