import { Hono } from 'hono';
import type { ApiEnv } from '../http/actor.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/client.ts';
import type { Logger } from '../platform/logger.ts';
import { createRecordEvaluation } from './evaluation/evaluate-records.ts';
import { createWatcher } from './evaluation/watcher.ts';
import { alertRoutes } from './history/routes.ts';
import { alertSource } from './live-source.ts';
import { previewRoutes } from './preview/preview.ts';
import { ruleRoutes } from './rules/routes.ts';

export interface AlertsDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Rules on what devices send and how they are, and the alerts that they raise. */
export function createAlerts(deps: AlertsDeps) {
  const watcher = createWatcher(deps);

  return {
    operatorRoutes: new Hono<ApiEnv>()
      .route('/', alertRoutes(deps))
      .route('/', previewRoutes(deps))
      .route('/', ruleRoutes(deps)),
    liveSources: [alertSource],
    /** Evaluates the rules in the transaction that stores records. */
    evaluateRecords: createRecordEvaluation(),
    onDatabaseReady: watcher.start,
    close: watcher.close,
  };
}

export type Alerts = ReturnType<typeof createAlerts>;
