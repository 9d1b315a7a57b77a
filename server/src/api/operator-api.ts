import { type Context, Hono } from 'hono';
import type { Alerts } from '../alerts/alerts.ts';
import type { createAudit } from '../audit/routes.ts';
import type { createBroker } from '../broker/broker.ts';
import type { createBulk } from '../bulk/bulk.ts';
import type { Commands } from '../commands/commands.ts';
import type { createDevices } from '../devices/devices.ts';
import { type ApiEnv, requireAdmin } from '../http/actor.ts';
import { limitsItself, receiveBody } from '../http/body.ts';
import { dataHeaders } from '../http/browser-headers.ts';
import { refuseCrossSite } from '../http/csrf.ts';
import { keepConnection } from '../http/listen.ts';
import { refuseUnknownQuery } from '../http/unknown-query.ts';
import type { LiveEvents } from '../live/live.ts';
import type { createOperators } from '../operators/operators.ts';
import type { createPairing } from '../pairing/pairing.ts';
import type { Clock } from '../platform/clock.ts';
import { withDeadline } from '../platform/deadline.ts';
import type { Presence } from '../presence/presence.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';

/** A database that hangs must not block requests forever; what takes as long as its body has limits of its own. */
const REQUEST_LIMIT_MS = 30_000;
/** Longer than any request without limits of its own: its answer has to get through. */
export const IDLE_TIMEOUT_SECONDS = REQUEST_LIMIT_MS / 1_000 + 10;

export interface OperatorApiDeps {
  readonly clock: Clock;
  readonly trustProxyHops: number;
  readonly operators: ReturnType<typeof createOperators>;
  readonly audit: ReturnType<typeof createAudit>;
  readonly broker: ReturnType<typeof createBroker>;
  readonly devices: ReturnType<typeof createDevices>;
  readonly bulk: ReturnType<typeof createBulk>;
  readonly pairing: ReturnType<typeof createPairing>;
  readonly presence: Presence;
  readonly commands: Commands;
  readonly telemetry: Telemetry;
  readonly alerts: Alerts;
  readonly events: LiveEvents;
}

/**
 * The operators' API, mounted at `/api/v1`: the `operatorRoutes` of the features, chained, so that the typed client knows
 * them. In a route: `describeOperation` for the document, `requireAdmin` before everything that changes something,
 * `validate` for its input. What is thrown is answered in one place, `app.ts`.
 */
export function operatorApi(deps: OperatorApiDeps) {
  const { authenticate } = deps.operators;
  /** Finds out who makes a request, and whether they may have it go on for longer than others. */
  async function admit(c: Context<ApiEnv>): Promise<void> {
    await authenticate(c, nothingMore);
    if (limitsItself(c)) await requireAdmin(c, nothingMore);
  }

  return new Hono<ApiEnv>()
    .use(dataHeaders)
    .use(async (c, next) => {
      await next();
      if (!c.res.headers.has('Cache-Control')) c.res.headers.set('Cache-Control', 'no-store');
    })
    .use((c, next) =>
      limitsItself(c) ? next() : withDeadline(deps.clock, REQUEST_LIMIT_MS, next(), 'the request to end'),
    )
    .use(refuseCrossSite(deps.trustProxyHops))
    .route('/', deps.operators.publicRoutes)
    .use(async (c, next) => {
      await admit(c);
      await (limitsItself(c) ? keepConnection(c, IDLE_TIMEOUT_SECONDS, next) : next());
    })
    .use(receiveBody({ clock: deps.clock, admit }))
    .use(refuseUnknownQuery)
    .route('/', deps.operators.operatorRoutes)
    .route('/', deps.audit.operatorRoutes)
    .route('/', deps.broker.operatorRoutes)
    .route('/', deps.bulk.operatorRoutes)
    .route('/', deps.devices.operatorRoutes)
    .route('/', deps.pairing.operatorRoutes)
    .route('/', deps.presence.operatorRoutes)
    .route('/', deps.commands.operatorRoutes)
    .route('/', deps.telemetry.operatorRoutes)
    .route('/', deps.alerts.operatorRoutes)
    .route('/', deps.events.operatorRoutes);
}

async function nothingMore(): Promise<void> {}

/** The routes of the operators' API with what they take and answer, for the typed client. */
export type OperatorApi = ReturnType<typeof operatorApi>;
