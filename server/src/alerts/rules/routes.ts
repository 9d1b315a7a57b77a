import { Hono } from 'hono';
import { z } from 'zod';
import {
  alertRule,
  alertRuleChange,
  alertRuleList,
  alertRulePath,
  alertRuleStatePage,
  alertRuleStateQuery,
  newAlertRule,
} from '../../../contract/api/alert-rules.ts';
import { alertSilence } from '../../../contract/api/alerts.ts';
import { NIL_UUID } from '../../../contract/uuid.ts';
import { auditOrigin } from '../../audit/audit.ts';
import { type ApiEnv, requireAdmin } from '../../http/actor.ts';
import { cursor, cutPage } from '../../http/cursor.ts';
import { describeOperation } from '../../http/describe.ts';
import { requireCurrentVersion, setEntityTag } from '../../http/etag.ts';
import { validate } from '../../http/validate.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Database } from '../../platform/db/client.ts';
import { requireSilence, silenceRule } from '../history/silence.ts';
import { changeRule, deleteRule } from './change-rule.ts';
import { createRule } from './create-rule.ts';
import { describeRule, listRules, listStates, readRule } from './store.ts';

const tag = 'Alert rules';
const statesQuery = alertRuleStateQuery.extend({ cursor: cursor(z.guid()) });

/** Rules on what is to raise an alert. */
export function ruleRoutes({ db, clock }: { readonly db: Database; readonly clock: Clock }) {
  return new Hono<ApiEnv>()
    .get(
      '/alert-rules',
      describeOperation({
        id: 'listAlertRules',
        tag,
        summary: 'List all alert rules, newest first',
        description: 'There are at most 200.',
        answer: alertRuleList,
      }),
      async (c) => c.json({ items: await listRules(db, clock.now()) }),
    )
    .post(
      '/alert-rules',
      requireAdmin,
      describeOperation({
        id: 'createAlertRule',
        tag,
        summary: 'Create an alert rule',
        description:
          'On a field (threshold with a clearing threshold and a duration), on missing data, on being offline, on flapping, or on lost records; for a device, all devices with a tag, or all. Takes effect immediately.',
        answer: alertRule,
        status: 201,
        admin: true,
        problems: ['conflict', 'validation-failed'],
      }),
      validate('json', newAlertRule),
      async (c) => {
        const row = await createRule(db, c.req.valid('json'), auditOrigin(c, clock.now()));
        setEntityTag(c, row.version);
        return c.json(await describeRule(db, row, clock.now()), 201);
      },
    )
    .get(
      '/alert-rules/:id',
      describeOperation({
        id: 'readAlertRule',
        tag,
        summary: 'Read an alert rule',
        answer: alertRule,
        problems: ['not-found'],
      }),
      validate('param', alertRulePath),
      async (c) => {
        const row = await readRule(db, c.req.valid('param').id);
        setEntityTag(c, row.version);
        return c.json(await describeRule(db, row, clock.now()));
      },
    )
    .patch(
      '/alert-rules/:id',
      requireAdmin,
      describeOperation({
        id: 'changeAlertRule',
        tag,
        summary: 'Change an alert rule',
        description: 'Another condition, or disabling it, resolves its alerts.',
        answer: alertRule,
        admin: true,
        ifMatch: true,
        problems: ['not-found', 'validation-failed'],
      }),
      validate('param', alertRulePath),
      validate('json', alertRuleChange),
      async (c) => {
        const row = await changeRule(db, c.req.valid('param').id, c.req.valid('json'), {
          origin: auditOrigin(c, clock.now()),
          checkVersion: (version) => requireCurrentVersion(c, version),
        });
        setEntityTag(c, row.version);
        return c.json(await describeRule(db, row, clock.now()));
      },
    )
    .delete(
      '/alert-rules/:id',
      requireAdmin,
      describeOperation({
        id: 'deleteAlertRule',
        tag,
        summary: 'Delete an alert rule',
        description: 'Resolves its alerts; they stay in the history.',
        admin: true,
        ifMatch: true,
        problems: ['not-found'],
      }),
      validate('param', alertRulePath),
      async (c) => {
        await deleteRule(db, c.req.valid('param').id, {
          origin: auditOrigin(c, clock.now()),
          checkVersion: (version) => requireCurrentVersion(c, version),
        });
        return c.body(null, 204);
      },
    )
    .put(
      '/alert-rules/:id/silence',
      requireAdmin,
      describeOperation({
        id: 'silenceAlertRule',
        tag,
        summary: 'Send no messages about the alerts of a rule for a while',
        description: 'Its alerts go on. What still fires afterwards is sent then.',
        answer: alertRule,
        admin: true,
        problems: ['not-found', 'validation-failed'],
      }),
      validate('param', alertRulePath),
      validate('json', alertSilence),
      async (c) => {
        const { until } = c.req.valid('json');
        requireSilence(until, clock.now());
        const row = await silenceRule(db, c.req.valid('param').id, until, auditOrigin(c, clock.now()));
        setEntityTag(c, row.version);
        return c.json(await describeRule(db, row, clock.now()));
      },
    )
    .get(
      '/alert-rules/:id/states',
      describeOperation({
        id: 'listAlertRuleStates',
        tag,
        summary: 'List how a rule stands for its devices',
        description: 'In the order of their UUIDs. A device that is not in it is ok.',
        answer: alertRuleStatePage,
        problems: ['not-found', 'bad-request'],
      }),
      validate('param', alertRulePath),
      validate('query', statesQuery),
      async (c) => {
        const { id } = c.req.valid('param');
        const { limit, cursor: after } = c.req.valid('query');
        await readRule(db, id);
        const rows = await listStates(db, id, after ?? NIL_UUID, limit + 1);
        const page = cutPage(rows, limit, (last) => last.device);
        return c.json({ items: [...page.rows], next: page.next });
      },
    );
}
