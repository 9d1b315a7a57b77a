import { type BackoffLimits, backoffDelay } from '../platform/backoff.ts';
import { type Clock, sleep } from '../platform/clock.ts';
import type { Logger } from '../platform/logger.ts';
import type { Random } from '../platform/random.ts';
import { EmqxError } from './emqx.ts';
import type { ReconcileReport } from './reconcile.ts';

export interface ReconcilerDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** One whole run. */
  readonly run: () => Promise<ReconcileReport>;
}

export interface ReconcilerStatus {
  /** `never` until the first run has ended. */
  readonly state: 'never' | 'ok' | 'failed';
  /** Unix milliseconds of the end of the last run. */
  readonly at?: number;
  readonly report?: ReconcileReport;
  /** Why the last run failed, in a sentence. */
  readonly failure?: string;
}

export interface Reconciler {
  start(): void;
  /** Asks for a run soon; requests made while one is running share the next one. */
  request(reason: string): void;
  status(): ReconcilerStatus;
  /** Resolves once no run is under way. */
  close(): Promise<void>;
}

const INTERVAL_MS = 3 * 60_000;
/** Short enough to be right within 10 s of the broker's return. */
const RETRY: BackoffLimits = { firstMs: 500, capMs: 4_000 };

/** Runs `run` at start, on request, every few minutes, and after a failure until it succeeds. */
export function createReconciler(deps: ReconcilerDeps): Reconciler {
  const stopping = new AbortController();
  let wake = new AbortController();
  let wanted: string | undefined = 'start';
  let status: ReconcilerStatus = { state: 'never' };
  let failures = 0;
  let loop: Promise<void> | undefined;

  async function runOnce(reason: string): Promise<void> {
    const startedAt = deps.clock.now();
    try {
      const report = await deps.run();
      const ms = deps.clock.now() - startedAt;
      const news = report.repaired.length > 0 || status.state !== 'ok';
      deps.log[news ? 'info' : 'debug']({ reason, ms, ...report }, 'broker is as it should be');
      reportForeign(report);
      failures = 0;
      status = { state: 'ok', at: deps.clock.now(), report };
    } catch (error) {
      failures++;
      const failure = error instanceof EmqxError ? error.message : 'The run failed.';
      const again = status.state === 'failed' && status.failure === failure;
      deps.log[again ? 'debug' : 'warn'](
        { reason, err: error, failures },
        'broker cannot be provisioned, trying again',
      );
      status = { ...status, state: 'failed', at: deps.clock.now(), failure };
    }
  }

  function reportForeign(report: ReconcileReport): void {
    const known = status.report;
    const { foreignAuthenticators, foreignSources } = report;
    if (
      `${foreignAuthenticators}|${foreignSources}` ===
      `${known?.foreignAuthenticators ?? ''}|${known?.foreignSources ?? ''}`
    )
      return;
    deps.log.warn(
      { foreignAuthenticators, foreignSources },
      'broker holds authenticators or sources that are not ours',
    );
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      const reason = wanted ?? (failures > 0 ? 'retry' : 'interval');
      wanted = undefined;
      await runOnce(reason);
      if (wanted !== undefined && failures === 0) continue;
      wake = new AbortController();
      const delayMs = failures > 0 ? 200 + backoffDelay(failures - 1, RETRY, deps.random) : INTERVAL_MS;
      await sleep(deps.clock, delayMs, AbortSignal.any([wake.signal, stopping.signal]));
    }
  }

  return {
    start() {
      loop ??= run();
    },
    request(reason) {
      wanted = reason;
      if (failures === 0) wake.abort();
    },
    status: () => status,
    async close() {
      stopping.abort();
      await loop;
    },
  };
}
