import { Hono } from 'hono';
import { z } from 'zod';
import { bulkAction, bulkKeys, bulkReport } from '../../contract/api/bulk.ts';
import { auditOrigin } from '../audit/audit.ts';
import type { ChangeDeps } from '../devices/change-device.ts';
import type { KeyDeps } from '../devices/operator/show-device-key.ts';
import { type ApiEnv, requireAdmin } from '../http/actor.ts';
import { describeOperation } from '../http/describe.ts';
import { requestOrigin } from '../http/request-origin.ts';
import { validate } from '../http/validate.ts';
import { runAction } from './run-action.ts';
import { showKeys } from './show-keys.ts';

export interface BulkRoutesDeps extends ChangeDeps, KeyDeps {
  readonly trustProxyHops: number;
}

/** One action, or the keys, of up to 500 devices. */
export function bulkRoutes(deps: BulkRoutesDeps) {
  return new Hono<ApiEnv>()
    .post(
      '/devices/actions',
      requireAdmin,
      describeOperation({
        id: 'changeDevices',
        tag: 'Devices',
        summary: 'Approve, revoke, restore, rotate, tag, pair or unpair many devices',
        description:
          'Up to 500 devices. Each is changed on its own, as by the route for one device; the report has the result of each, and the receipt is for all of them. `rotate` with `key` replaces the device keys too: `POST /api/v1/devices/keys` computes the new ones.',
        answer: bulkReport,
        admin: true,
        problems: ['validation-failed'],
      }),
      validate('json', bulkAction),
      async (c) => c.json(await runAction(deps, c.req.valid('json'), auditOrigin(c, deps.clock.now()))),
    )
    .post(
      '/devices/keys',
      requireAdmin,
      describeOperation({
        id: 'showDeviceKeys',
        tag: 'Devices',
        summary: 'Compute the keys of many devices, as CSV',
        description:
          'Columns `id`, `role` and `key`, for up to 500 existing or new devices. The keys are not stored; the audit log records that each was shown.',
        answer: z.string(),
        answerType: 'text/csv',
        admin: true,
        problems: ['validation-failed', 'conflict'],
      }),
      validate('json', bulkKeys),
      async (c) => {
        const host = requestOrigin(c, deps.trustProxyHops);
        const origin = auditOrigin(c, deps.clock.now());
        const csv = await showKeys(deps, c.req.valid('json'), host, origin);
        c.header('Content-Disposition', 'attachment; filename="device-keys.csv"');
        return c.body(csv, 200, { 'Content-Type': 'text/csv; charset=utf-8' });
      },
    );
}
