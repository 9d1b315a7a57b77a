import { Hono } from 'hono';
import type { ApiEnv } from '../http/actor.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/client.ts';
import type { Logger } from '../platform/logger.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { Random } from '../platform/random.ts';
import { channelRoutes } from './channels/routes.ts';
import { createCourier } from './delivery/courier.ts';
import { createEmailSender, type SmtpSettings } from './delivery/email.ts';
import { createHttpPost, type HttpPostDeps } from './delivery/http-post.ts';
import { createSend } from './delivery/send.ts';
import { createRecordEvaluation } from './evaluation/evaluate-records.ts';
import { noteSkipped } from './evaluation/skipped.ts';
import { createWatcher } from './evaluation/watcher.ts';
import { alertFigures } from './figures.ts';
import { alertRoutes } from './history/routes.ts';
import { alertSource } from './live-source.ts';
import { previewRoutes } from './preview/preview.ts';
import { ruleRoutes } from './rules/routes.ts';

export interface AlertsDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly smtp: SmtpSettings | undefined;
  readonly alertPrivateAddresses: boolean;
  /** IP addresses of a host name; the machine's resolver unless given. */
  readonly resolve?: HttpPostDeps['resolve'] | undefined;
}

/** Rules on what devices send and how they are, the alerts that they raise, and who is told. */
export function createAlerts(deps: AlertsDeps) {
  const { clock, smtp, alertPrivateAddresses: allowPrivate } = deps;
  const send = createSend({
    clock,
    post: createHttpPost({ clock, allowPrivate, resolve: deps.resolve }),
    sendEmail: createEmailSender(clock, smtp),
  });
  const watcher = createWatcher(deps);
  const courier = createCourier({ ...deps, send });
  alertFigures(deps);

  return {
    operatorRoutes: new Hono<ApiEnv>()
      .route('/', alertRoutes(deps))
      .route('/', channelRoutes({ ...deps, send, policy: { allowPrivate, sendsEmail: smtp !== undefined } }))
      .route('/', previewRoutes(deps))
      .route('/', ruleRoutes(deps)),
    liveSources: [alertSource],
    /** Evaluates the rules in the transaction that stores records. */
    evaluateRecords: createRecordEvaluation(),
    /** Has the records that it failed on evaluated rule by rule. */
    noteSkipped,
    onDatabaseReady() {
      watcher.start();
      courier.start();
    },
    async close() {
      await Promise.all([watcher.close(), courier.close()]);
    },
  };
}

export type Alerts = ReturnType<typeof createAlerts>;
