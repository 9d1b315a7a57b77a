import { z } from 'zod';
import { plainText, pointInTime } from '../text.ts';
import { timeZone } from '../time-zone.ts';
import { deviceId, deviceUuid } from '../uuid.ts';
import { pageLimit, pageOf } from './page.ts';

/** Widths of buckets, in seconds. All divide a day, or are whole days. */
export const INTERVALS = {
  '1s': 1,
  '5s': 5,
  '10s': 10,
  '30s': 30,
  '1m': 60,
  '5m': 300,
  '10m': 600,
  '15m': 900,
  '30m': 1_800,
  '1h': 3_600,
  '2h': 7_200,
  '3h': 10_800,
  '6h': 21_600,
  '12h': 43_200,
  '1d': 86_400,
  '7d': 604_800,
  '28d': 2_419_200,
  '364d': 31_449_600,
} as const;

export type Interval = keyof typeof INTERVALS;

export const intervalNames = Object.keys(INTERVALS) as [Interval, ...Interval[]];

/** More buckets than any screen has columns. */
export const MAX_BUCKETS = 2_000;
const MAX_FIELDS = 50;
const MAX_RETENTION_DAYS = 3_660;

const fieldName = plainText(200).min(1);

const range = {
  from: pointInTime.optional().describe('Measured no earlier than this; a day before `to` unless given'),
  to: pointInTime.optional().describe('Measured earlier than this; now unless given'),
};

const fields = z
  .string()
  .transform((text) => [...new Set(text.split(','))])
  .pipe(z.array(fieldName).max(MAX_FIELDS))
  .optional()
  .describe('Names of fields, separated by commas; all unless given');

export const telemetryQuery = z.object({
  ...range,
  fields,
  buckets: z.coerce
    .number()
    .int()
    .min(1)
    .max(MAX_BUCKETS)
    .optional()
    .describe('Answers numeric fields in at most this many buckets instead of records'),
  interval: z.enum(intervalNames).optional().describe('Width of a bucket; chosen by `buckets` unless given'),
  zone: timeZone
    .default('UTC')
    .describe('Time zone of the IANA database whose clock buckets follow, such as Europe/Berlin'),
  order: z.enum(['asc', 'desc']).default('desc').describe('Of records, by time of measurement'),
  limit: z.coerce.number().int().min(1).max(1_000).default(100).describe('How many records at most'),
});

const time = z.iso.datetime();

export const telemetryRecord = z
  .object({
    at: time.describe('When it was measured'),
    received: time.describe('When it arrived, to the microsecond'),
    data: z.record(z.string(), z.unknown()).describe('As the device sent it'),
  })
  .meta({ id: 'TelemetryRecord' });

const measured = z.object({ value: z.number(), at: time });

export const telemetryBucket = z
  .object({
    at: time.describe('When the bucket begins'),
    count: z.int(),
    mean: z.number(),
    min: measured,
    max: measured,
    first: measured,
    last: measured,
  })
  .meta({ id: 'TelemetryBucket' });

export const telemetryAnswer = z.discriminatedUnion('kind', [
  pageOf(telemetryRecord).extend({ kind: z.literal('records') }),
  z.object({
    kind: z.literal('buckets'),
    interval: z.enum(intervalNames),
    zone: z.string(),
    source: z
      .enum(['records', 'rollups'])
      .describe('rollups: hourly ones, and records where those are not up to date'),
    fields: z
      .array(z.object({ name: z.string(), buckets: z.array(telemetryBucket) }))
      .describe('Buckets without a value are left out'),
  }),
]);

export const latestAnswer = z.object({
  record: telemetryRecord.nullable().describe('The newest record by time of measurement'),
  values: z
    .array(z.object({ name: z.string(), value: z.unknown(), at: time }))
    .describe('The newest value of each field, whichever record it came with'),
});

export const fieldsAnswer = z.object({
  items: z.array(
    z.object({
      name: z.string(),
      kind: z.string().describe('Type of its newest value: number, string, boolean, object or array'),
      unit: z.string().nullable().describe('As the device describes itself'),
      quantity: z.string().nullable().describe('What is measured, as the device describes itself'),
      lastAt: time,
    }),
  ),
});

export const telemetryAccount = z.object({
  sent: z.int().describe('Numbered or not: stored and lost'),
  stored: z.int(),
  lost: z.int().describe('Missing numbers of numbered records; one that arrives late is taken off'),
  repeated: z.int().describe('Numbered records that arrived again'),
  rejected: z.int().describe('Messages that could not be stored'),
  lastReceivedAt: time.nullable(),
  retentionDays: z.int().nullable().describe('null: `TELEMETRY_RETENTION`'),
});

export const retentionEdit = z.object({
  retentionDays: z.int().min(1).max(MAX_RETENTION_DAYS).nullable().describe('null: `TELEMETRY_RETENTION`'),
});

export const telemetryRange = z.object({
  from: pointInTime.describe('Measured no earlier than this'),
  to: pointInTime.describe('Measured earlier than this'),
});

export const deletionAnswer = z.object({ deleted: z.int().describe('Records') });

export const telemetryExportQuery = z.object({ ...range, fields });

/** Lines that an import names. */
export const MAX_LINES_NAMED = 1_000;

export const telemetryImportReport = z
  .object({
    imported: z.int().describe('Records that were stored'),
    repeated: z.int().describe('Records that were stored before, with the same time and data'),
    errors: z.int().describe('Lines that hold no record, or one that cannot be stored'),
    lines: z
      .array(z.object({ line: z.int(), reason: z.string() }))
      .describe(`The first ${MAX_LINES_NAMED} of those, from line 1`),
  })
  .meta({ id: 'TelemetryImport' });

export type TelemetryImportReport = z.output<typeof telemetryImportReport>;

export const aboutAnswer = z.object({
  firmware: z.string().nullable(),
  board: z.string().nullable(),
  library: z.string().nullable(),
  resetReason: z.string().nullable(),
  fields: z.record(z.string(), z.unknown()).describe('Unit (`u`) and kind (`k`) by field'),
  commands: z.record(z.string(), z.unknown()).describe('Arguments by command'),
  receivedAt: time,
});

export const rejectQuery = z.object({
  device: deviceUuid.optional(),
  limit: pageLimit,
});

export const telemetryReject = z
  .object({
    id: z.int(),
    receivedAt: time,
    topic: z.string(),
    device: deviceId.nullable(),
    reason: z.string(),
    payload: z.string().describe('The first 4 KiB; bytes that are not UTF-8 are replaced'),
    payloadBytes: z.int(),
  })
  .meta({ id: 'TelemetryReject' });

export const ingestStatus = z.object({
  session: z
    .enum(['standby', 'connecting', 'refused', 'online'])
    .describe('Of this instance; standby: another one holds the session'),
  waiting: z.int().describe('Messages that have arrived here and are not stored yet'),
  counts: z
    .object({
      stored: z.int(),
      repeated: z.int(),
      rejected: z.int(),
      replies: z.int(),
      abouts: z.int(),
    })
    .describe('Messages that this instance has stored since it started'),
  account: z
    .object({ stored: z.int(), lost: z.int(), repeated: z.int(), rejected: z.int() })
    .describe('Records of all devices that exist, whichever instance stored them; at most 5 seconds old'),
  events: z
    .array(z.object({ at: time, kind: z.string(), messages: z.int().nullable() }))
    .describe(
      'What happened to the session, newest first; session_lost: what the broker held is gone; queue_overflow: it dropped so many messages',
    ),
});
