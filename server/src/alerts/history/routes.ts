import { Hono } from 'hono';
import { z } from 'zod';
import {
  alert,
  alertPage,
  alertPath,
  alertQuery,
  alertSilence,
  alertSummary,
  silenceAnswer,
} from '../../../contract/api/alerts.ts';
import { devicePath } from '../../../contract/api/devices.ts';
import { auditOrigin } from '../../audit/audit.ts';
import { type ApiEnv, requireAdmin } from '../../http/actor.ts';
import { cursor, cutPage } from '../../http/cursor.ts';
import { describeOperation } from '../../http/describe.ts';
import { validate } from '../../http/validate.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Database } from '../../platform/db/client.ts';
import { acknowledgeAlert } from './acknowledge.ts';
import { readDeviceSilence, requireSilence, silenceAlert, silenceDevice } from './silence.ts';
import { countAlerts, listAlerts, readAlert, summarizeAlerts } from './store.ts';

const tag = 'Alerts';
const query = alertQuery.extend({ cursor: cursor(z.int().min(0)) });

/** Alerts: what fires, and what has fired. */
export function alertRoutes({ db, clock }: { readonly db: Database; readonly clock: Clock }) {
  return new Hono<ApiEnv>()
    .get(
      '/alerts',
      describeOperation({
        id: 'listAlerts',
        tag,
        summary: 'List alerts, newest first',
        description: 'Resolved ones are kept for 90 days.',
        answer: alertPage,
        problems: ['bad-request'],
      }),
      validate('query', query),
      async (c) => {
        const { limit, cursor: before, ...filter } = c.req.valid('query');
        const rows = await listAlerts(db, filter, before, limit + 1);
        const page = cutPage(rows, limit, (last) => last.id);
        return c.json({ items: [...page.rows], next: page.next, total: await countAlerts(db, filter) });
      },
    )
    .get(
      '/alerts/summary',
      describeOperation({
        id: 'summarizeAlerts',
        tag,
        summary: 'Count what fires now',
        answer: alertSummary,
      }),
      async (c) => c.json(await summarizeAlerts(db)),
    )
    .get(
      '/alerts/:id',
      describeOperation({
        id: 'readAlert',
        tag,
        summary: 'Read an alert',
        answer: alert,
        problems: ['not-found'],
      }),
      validate('param', alertPath),
      async (c) => c.json(await readAlert(db, c.req.valid('param').id)),
    )
    .post(
      '/alerts/:id/acknowledge',
      requireAdmin,
      describeOperation({
        id: 'acknowledgeAlert',
        tag,
        summary: 'Acknowledge an alert',
        description: 'Says that somebody takes care of it. Repeated, it changes nothing.',
        answer: alert,
        admin: true,
        problems: ['not-found'],
      }),
      validate('param', alertPath),
      async (c) => c.json(await acknowledgeAlert(db, c.req.valid('param').id, auditOrigin(c, clock.now()))),
    )
    .put(
      '/alerts/:id/silence',
      requireAdmin,
      describeOperation({
        id: 'silenceAlert',
        tag,
        summary: 'Send no messages about an alert for a while',
        description: 'What still fires afterwards is sent then.',
        answer: alert,
        admin: true,
        problems: ['not-found', 'validation-failed'],
      }),
      validate('param', alertPath),
      validate('json', alertSilence),
      async (c) => {
        const { until } = c.req.valid('json');
        requireSilence(until, clock.now());
        return c.json(await silenceAlert(db, c.req.valid('param').id, until, auditOrigin(c, clock.now())));
      },
    )
    .get(
      '/devices/:id/alert-silence',
      describeOperation({
        id: 'readDeviceSilence',
        tag,
        summary: 'Read until when no messages are sent about a device',
        answer: silenceAnswer,
        problems: ['not-found'],
      }),
      validate('param', devicePath),
      async (c) => {
        const until = await readDeviceSilence(db, c.req.valid('param').id);
        return c.json({ silencedUntil: until?.toISOString() ?? null });
      },
    )
    .put(
      '/devices/:id/alert-silence',
      requireAdmin,
      describeOperation({
        id: 'silenceDevice',
        tag,
        summary: 'Send no messages about a device for a while',
        description: 'Its alerts go on. What still fires afterwards is sent then.',
        answer: silenceAnswer,
        admin: true,
        problems: ['not-found', 'validation-failed'],
      }),
      validate('param', devicePath),
      validate('json', alertSilence),
      async (c) => {
        const { until } = c.req.valid('json');
        requireSilence(until, clock.now());
        const silenced = await silenceDevice(db, c.req.valid('param').id, until, auditOrigin(c, clock.now()));
        return c.json({ silencedUntil: silenced?.toISOString() ?? null });
      },
    );
}
