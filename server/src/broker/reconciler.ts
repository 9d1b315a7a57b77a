import type { ReconcileReport } from '../../contract/api/broker.ts';
import { type BackoffLimits, backoffDelay } from '../platform/backoff.ts';
import { type Clock, sleep } from '../platform/clock.ts';
import { AppError } from '../platform/errors.ts';
import type { Logger } from '../platform/logger.ts';
import type { Random } from '../platform/random.ts';
import { EmqxError } from './emqx.ts';
import { foundDifferences } from './report.ts';

export interface ReconcilerDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** One whole run; nothing where only the settings could be repaired, since the database is not there yet. */
  readonly run: () => Promise<ReconcileReport | undefined>;
  /** A cheap look at the settings; what differs from what they should be. */
  readonly look: () => Promise<readonly string[]>;
}

export interface ReconcilerStatus {
  /** `never` until the first run has ended. */
  readonly state: 'never' | 'ok' | 'failed';
  /** Unix milliseconds of the end of the last run. */
  readonly at?: number;
  readonly report?: ReconcileReport;
  /** Why the last run failed, in a sentence. */
  readonly failure?: string;
  /** The last run that found something to fix, and when it ended (Unix milliseconds). */
  readonly lastRepair?: { readonly at: number; readonly report: ReconcileReport };
}

export interface Reconciler {
  start(): void;
  /** Requests a run soon; requests made during a run share the next one. */
  request(reason: string): void;
  /** Starts a whole run, and resolves with its result. */
  runNow(reason: string): Promise<ReconcilerStatus>;
  status(): ReconcilerStatus;
  /** Resolves once no run is under way. */
  close(): Promise<void>;
}

/** Settings are looked at often, since a broker that someone opened by hand is open until then. */
const LOOK_INTERVAL_MS = 10_000;
const LOOKS_PER_RUN = 18;
/** Short enough to be right within 10 s of the broker's return. */
const RETRY: BackoffLimits = { firstMs: 500, capMs: 4_000 };

/**
 * Runs `run` at start, on request, every three minutes, when a look at the settings found a difference, and after a failure
 * until it succeeds.
 */
export function createReconciler(deps: ReconcilerDeps): Reconciler {
  const stopping = new AbortController();
  let wake = new AbortController();
  let wanted: string | undefined = 'start';
  let status: ReconcilerStatus = { state: 'never' };
  let failures = 0;
  let waiting: ((status: ReconcilerStatus) => void)[] = [];
  let loop: Promise<void> | undefined;

  async function runOnce(reason: string): Promise<void> {
    const startedAt = deps.clock.now();
    try {
      const report = await deps.run();
      const ms = deps.clock.now() - startedAt;
      failures = 0;
      if (report === undefined) {
        deps.log.debug({ reason, ms }, 'broker settings reconciled, devices wait for the database');
        status = { ...status, state: 'never' };
        return;
      }
      const news = foundDifferences(report) || status.state !== 'ok';
      deps.log[news ? 'info' : 'debug']({ reason, ms, ...report }, 'broker reconciled');
      reportForeign(report);
      const at = deps.clock.now();
      const lastRepair = foundDifferences(report) ? { at, report } : status.lastRepair;
      status = { state: 'ok', at, report, ...(lastRepair ? { lastRepair } : {}) };
    } catch (error) {
      failures++;
      const expected = error instanceof EmqxError || error instanceof AppError;
      const failure = expected ? error.message : 'The run failed.';
      const again = status.state === 'failed' && status.failure === failure;
      deps.log[again ? 'debug' : 'warn'](
        { reason, failures, ...(expected ? { failure } : { err: error }) },
        'broker provisioning failed, retrying',
      );
      status = { ...status, state: 'failed', at: deps.clock.now(), failure };
    }
  }

  function reportForeign({ foreign, warnings }: ReconcileReport): void {
    const known = status.report;
    if (known && Bun.deepEquals([foreign, warnings], [known.foreign, known.warnings])) return;
    const { authenticators, sources, clientRules, bans } = foreign;
    if (authenticators.length + sources.length + clientRules + bans + warnings.length === 0) return;
    deps.log.warn({ foreign, warnings }, 'broker has foreign objects or unexpected settings');
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      const reason = wanted ?? (failures > 0 ? 'retry' : 'interval');
      wanted = undefined;
      const served = waiting;
      waiting = [];
      await runOnce(reason);
      for (const resolve of served) resolve(status);
      wake = new AbortController();
      if (wanted !== undefined && (failures === 0 || waiting.length > 0)) continue;
      if (status.state === 'ok') await watch();
      else await pause(200 + backoffDelay(Math.max(0, failures - 1), RETRY, deps.random));
    }
  }

  /** Looks at the settings from time to time until another run is due. */
  async function watch(): Promise<void> {
    for (let looks = 0; looks < LOOKS_PER_RUN && wanted === undefined && !stopping.signal.aborted; looks++) {
      await pause(LOOK_INTERVAL_MS);
      if (wake.signal.aborted || stopping.signal.aborted) return;
      // A look that failed is followed by a run, which says why.
      const found = await deps.look().catch(() => ['look failed']);
      if (found.length === 0) continue;
      wanted ??= `look: ${found.join('; ')}`;
    }
  }

  async function pause(delayMs: number): Promise<void> {
    await sleep(deps.clock, delayMs, AbortSignal.any([wake.signal, stopping.signal]));
  }

  return {
    start() {
      loop ??= run();
    },
    request(reason) {
      wanted = reason;
      wake.abort();
    },
    runNow(reason) {
      return new Promise((resolve) => {
        waiting.push(resolve);
        wanted = reason;
        wake.abort();
      });
    },
    status: () => status,
    async close() {
      stopping.abort();
      await loop;
      for (const resolve of waiting) resolve(status);
    },
  };
}
