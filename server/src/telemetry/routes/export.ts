import { type Context, Hono } from 'hono';
import { z } from 'zod';
import { devicePath } from '../../../contract/api/devices.ts';
import { telemetryExportQuery } from '../../../contract/api/telemetry.ts';
import type { ApiEnv } from '../../http/actor.ts';
import { describeOperation } from '../../http/describe.ts';
import { validate } from '../../http/validate.ts';
import { csvLine } from '../../platform/csv.ts';
import { writeCell } from '../csv-cells.ts';
import { exportRecords, type LineFormat } from '../query/export-records.ts';
import { readFields } from '../query/read-fields.ts';
import {
  isoMicroseconds,
  pick,
  rangeOf,
  type TelemetryQueryDeps,
  telemetryOf,
  toRecordAnswer,
} from './records.ts';

type ExportQuery = z.output<typeof telemetryExportQuery>;

const problems = ['bad-request', 'not-found'] as const;

/** The records of a device as a document, streamed. */
export function telemetryExportRoutes({ db, clock }: TelemetryQueryDeps) {
  /** Answers with the records in the format that is made for the fields asked for. */
  async function answer(
    c: Context<ApiEnv>,
    { deviceId, query, type, ending }: { deviceId: string; query: ExportQuery; type: string; ending: string },
    formatFor: (fields: readonly string[] | undefined, device: number) => Promise<LineFormat> | LineFormat,
  ) {
    const device = await telemetryOf(db, deviceId);
    const range = rangeOf(query, clock);
    c.header('Content-Type', `${type}; charset=utf-8`);
    c.header('Content-Disposition', `attachment; filename="telemetry-${deviceId}.${ending}"`);
    // No device has the key 0: a document without records.
    const key = device?.key ?? 0;
    return c.body(await exportRecords(db, { device: key, ...range }, await formatFor(query.fields, key)));
  }

  return new Hono<ApiEnv>()
    .get(
      '/devices/:id/telemetry/export.csv',
      describeOperation({
        id: 'exportTelemetryCsv',
        tag: 'Telemetry',
        summary: 'Export records as CSV',
        description:
          'Oldest first, a column for each field; objects and lists are written as JSON. Text that a spreadsheet would take for a formula, or that looks like another type, has an apostrophe before it, which the import removes.',
        answer: z.string(),
        answerType: 'text/csv',
        problems,
      }),
      validate('param', devicePath),
      validate('query', telemetryExportQuery),
      (c) =>
        answer(
          c,
          { deviceId: c.req.valid('param').id, query: c.req.valid('query'), type: 'text/csv', ending: 'csv' },
          async (fields, device) =>
            csvFormat(fields ?? (await readFields(db, device)).map(({ name }) => name)),
        ),
    )
    .get(
      '/devices/:id/telemetry/export.ndjson',
      describeOperation({
        id: 'exportTelemetryNdjson',
        tag: 'Telemetry',
        summary: 'Export records as lines of JSON',
        description:
          'Oldest first, one record a line: `at`, `received` and `data`, as the import reads them.',
        answer: z.string(),
        answerType: 'application/x-ndjson',
        problems,
      }),
      validate('param', devicePath),
      validate('query', telemetryExportQuery),
      (c) =>
        answer(
          c,
          {
            deviceId: c.req.valid('param').id,
            query: c.req.valid('query'),
            type: 'application/x-ndjson',
            ending: 'ndjson',
          },
          (fields) => ({
            heading: '',
            line: (record) => `${JSON.stringify(toRecordAnswer(pick(record, fields)))}\n`,
          }),
        ),
    );
}

function csvFormat(fields: readonly string[]): LineFormat {
  return {
    heading: csvLine(['at', 'received', ...fields]),
    line: ({ atUs, receivedUs, data }) =>
      csvLine([
        isoMicroseconds(atUs),
        isoMicroseconds(receivedUs),
        ...fields.map((name) => writeCell(Object.hasOwn(data, name) ? data[name] : undefined)),
      ]),
  };
}
