import { type Context, Hono } from 'hono';
import { devicePath } from '../../../contract/api/devices.ts';
import { telemetryImportReport } from '../../../contract/api/telemetry.ts';
import { auditOrigin } from '../../audit/audit.ts';
import { type ApiEnv, requireAdmin } from '../../http/actor.ts';
import { mediaTypeOf } from '../../http/body.ts';
import { describeOperation } from '../../http/describe.ts';
import { validate } from '../../http/validate.ts';
import { AppError } from '../../platform/errors.ts';
import { bodyText } from '../import/body.ts';
import { type ImportDeps, importRecords } from '../import/import-records.ts';
import { readCsvRecords, readNdjson } from '../import/lines.ts';
import { telemetryOf } from './records.ts';

export interface ImportRoutesDeps extends ImportDeps {
  /** How long records are kept unless a device has a time of its own. */
  readonly telemetrySeconds: number;
  readonly stopping: AbortSignal;
}

const DAY_MS = 86_400_000;
/** At the same time, on this instance: each of them keeps a connection to the database busy. */
const MAX_IMPORTS = 2;

/** Old records of a device, streamed in. */
export function telemetryImportRoutes(deps: ImportRoutesDeps) {
  const { clock, database } = deps;
  let running = 0;

  async function take(c: Context<ApiEnv>, deviceId: string) {
    if (running >= MAX_IMPORTS) {
      throw new AppError('unavailable', 'Other imports are running.', { retryAfterSeconds: 10 });
    }
    running++;
    try {
      const device = await telemetryOf(database.db, deviceId);
      const keptMs = device?.retentionDays ? device.retentionDays * DAY_MS : deps.telemetrySeconds * 1_000;
      const text = bodyText(c.req.raw.body);
      const lines = mediaTypeOf(c) === 'text/csv' ? readCsvRecords(text) : readNdjson(text);
      const origin = auditOrigin(c, clock.now());
      return await importRecords(deps, { deviceId, keptMs }, lines, origin, deps.stopping);
    } catch (error) {
      if (!deps.stopping.aborted) throw error;
      throw new AppError(
        'unavailable',
        'The server is stopping. Send the document again; nothing is stored twice.',
      );
    } finally {
      running--;
    }
  }

  return new Hono<ApiEnv>().post(
    '/devices/:id/telemetry/import',
    requireAdmin,
    describeOperation({
      id: 'importTelemetry',
      tag: 'Telemetry',
      summary: 'Import old records of a device from CSV or lines of JSON',
      description:
        'As the exports write them: CSV with a column `at`, optionally `received`, and one for each field; or NDJSON with `at`, `data`, and optionally `received`. Up to 1 GiB, stored while it is sent, each good line on its own; a record that is stored already with the same time and data is not stored again, so that a document may be sent again. Rollups follow within a minute. Records older than the retention of the device are refused.',
      answer: telemetryImportReport,
      bodyType: ['text/csv', 'application/x-ndjson'],
      admin: true,
      problems: ['not-found', 'validation-failed'],
    }),
    validate('param', devicePath),
    async (c) => c.json(await take(c, c.req.valid('param').id)),
  );
}
