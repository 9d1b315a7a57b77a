import { Hono } from 'hono';
import { z } from 'zod';
import { deviceFilter, importReport } from '../../contract/api/devices.ts';
import { auditOrigin } from '../audit/audit.ts';
import type { ChangeDeps } from '../devices/change-device.ts';
import { type ApiEnv, requireAdmin } from '../http/actor.ts';
import { describeOperation } from '../http/describe.ts';
import { validate } from '../http/validate.ts';
import { AppError } from '../platform/errors.ts';
import { decodeText } from './decode-text.ts';
import { exportDevices } from './export-devices.ts';
import { importDevices } from './import-devices.ts';

const tag = 'Devices';

/** Devices as CSV: export and import. */
export function transferRoutes(deps: ChangeDeps) {
  return new Hono<ApiEnv>()
    .get(
      '/devices/export.csv',
      describeOperation({
        id: 'exportDevices',
        tag,
        summary: 'Export devices as CSV',
        description:
          'A field that a spreadsheet would run as a formula is prefixed with an apostrophe; the import removes it.',
        answer: z.string(),
        answerType: 'text/csv',
      }),
      validate('query', deviceFilter),
      async (c) => {
        const body = await exportDevices(deps.db, c.req.valid('query'));
        c.header('Content-Type', 'text/csv; charset=utf-8');
        c.header('Content-Disposition', 'attachment; filename="devices.csv"');
        return c.body(body);
      },
    )
    .post(
      '/devices/import',
      requireAdmin,
      describeOperation({
        id: 'importDevices',
        tag,
        summary: 'Register devices from CSV',
        description:
          'At most 20,000 records and 4 MiB, as spreadsheets write them: separated by commas, semicolons or tabs; in UTF-8, UTF-16 or windows-1252. The first line names the columns: `id` and `role`, optionally `name`, `notes`, `tags` (separated by `;`) and `master`. Each line is processed independently: valid ones are registered, then agents are paired with their masters, and the answer has the result of each. Existing devices are not changed, but an agent that is not paired yet is.',
        answer: importReport,
        admin: true,
        bodyType: 'text/csv',
        problems: ['validation-failed', 'payload-too-large', 'unsupported-media-type'],
      }),
      async (c) => {
        const mediaType = c.req.header('content-type')?.split(';')[0]?.trim().toLowerCase();
        if (mediaType !== 'text/csv')
          throw new AppError('unsupported_media_type', 'Send the devices as text/csv.');
        const text = decodeText(new Uint8Array(await c.req.arrayBuffer()));
        return c.json(await importDevices(deps, text, auditOrigin(c, deps.clock.now())));
      },
    );
}
