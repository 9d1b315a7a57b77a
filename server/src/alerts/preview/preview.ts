import { Hono } from 'hono';
import {
  type AlertCondition,
  type AlertPreview,
  type AlertScope,
  alertPreview,
  alertPreviewRequest,
  MAX_PREVIEW_ALERTS,
  MAX_PREVIEW_DEVICES,
} from '../../../contract/api/alert-rules.ts';
import type { ApiEnv } from '../../http/actor.ts';
import { describeOperation } from '../../http/describe.ts';
import { validate } from '../../http/validate.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Database } from '../../platform/db/client.ts';
import {
  devicesInScope,
  type Past,
  readConnects,
  readLosses,
  readOffline,
  readReceipts,
  readSamples,
} from './read-past.ts';
import {
  gapsBetween,
  type SimulatedAlert,
  simulateGaps,
  simulateThreshold,
  simulateWindow,
} from './simulate.ts';

interface PreviewDeps {
  readonly db: Database;
  readonly clock: Clock;
}

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** Records of one device, and of all together. */
const MAX_RECORDS = 20_000;
const MAX_ALL_RECORDS = 400_000;
/** Below the time limit of a request. */
const TIME_MS = 15_000;

/** What a rule would have done in the last 24 hours. */
export function previewRoutes(deps: PreviewDeps) {
  return new Hono<ApiEnv>().post(
    '/alert-rules/preview',
    describeOperation({
      id: 'previewAlertRule',
      tag: 'Alert rules',
      summary: 'Try an alert rule on the last 24 hours',
      description: `Nothing is kept, so any role may. At most ${MAX_PREVIEW_DEVICES} devices are examined, 20,000 records of each.`,
      answer: alertPreview,
      problems: ['validation-failed'],
    }),
    validate('json', alertPreviewRequest),
    async (c) => {
      const { scope, condition } = c.req.valid('json');
      return c.json(await previewRule(deps, scope, condition));
    },
  );
}

async function previewRule(
  { db, clock }: PreviewDeps,
  scope: AlertScope,
  condition: AlertCondition,
): Promise<AlertPreview> {
  const nowMs = clock.now();
  const fromMs = nowMs - DAY_MS;
  const started = clock.monotonic();
  const { count, ids } = await devicesInScope(db, scope, MAX_PREVIEW_DEVICES);
  const found: (SimulatedAlert & { readonly deviceId: string })[] = [];
  let truncated = count > ids.length;
  let examined = 0;
  let left = MAX_ALL_RECORDS;
  for (const deviceId of ids) {
    if (left <= 0 || clock.monotonic() - started > TIME_MS) {
      truncated = true;
      break;
    }
    const limit = Math.min(MAX_RECORDS, left);
    const { alerts, read } = await simulate(db, { deviceId, fromMs }, condition, nowMs, limit);
    if (read >= limit) truncated = true;
    left -= read;
    examined++;
    found.push(...alerts.map((alert) => ({ ...alert, deviceId })));
  }
  found.sort((a, b) => b.firedMs - a.firedMs);
  return {
    from: new Date(fromMs).toISOString(),
    to: new Date(nowMs).toISOString(),
    devices: count,
    examined,
    fired: found.length,
    truncated: truncated || found.length > MAX_PREVIEW_ALERTS,
    alerts: found.slice(0, MAX_PREVIEW_ALERTS).map(({ deviceId, firedMs, resolvedMs, value }) => ({
      device: deviceId,
      firedAt: new Date(firedMs).toISOString(),
      resolvedAt: resolvedMs === undefined ? null : new Date(resolvedMs).toISOString(),
      value,
    })),
  };
}

/** The alerts of one device, and how many records they were found in. */
async function simulate(
  db: Database,
  past: Past,
  condition: AlertCondition,
  nowMs: number,
  limit: number,
): Promise<{ readonly alerts: readonly SimulatedAlert[]; readonly read: number }> {
  switch (condition.kind) {
    case 'threshold': {
      const samples = await readSamples(db, past, condition.field, limit);
      return { alerts: simulateThreshold(condition, samples, nowMs), read: samples.length };
    }
    case 'missing': {
      const { momentsMs, hadEarlier } = await readReceipts(db, past, condition.field, limit);
      const gaps = gapsBetween(momentsMs, hadEarlier ? past.fromMs : undefined);
      // Behind the last record that was read there may be others.
      const known = momentsMs.length < limit ? gaps : gaps.slice(0, -1);
      return { alerts: simulateGaps(known, condition.seconds * 1_000, nowMs), read: momentsMs.length };
    }
    case 'offline': {
      const gaps = await readOffline(db, past);
      const alerts = simulateGaps(gaps, condition.seconds * 1_000, nowMs);
      return { alerts: alerts.filter(({ firedMs }) => firedMs >= past.fromMs), read: gaps.length };
    }
    case 'flapping': {
      const connects = await readConnects(db, past);
      const alerts = simulateWindow(connects, condition.minutes * MINUTE_MS, condition.connects, nowMs);
      return { alerts, read: connects.length };
    }
    case 'lost': {
      const losses = await readLosses(db, past);
      const alerts = simulateWindow(losses, (condition.minutes + 1) * MINUTE_MS, condition.count, nowMs);
      return { alerts, read: losses.length };
    }
  }
}
