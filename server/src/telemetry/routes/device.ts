import { eq } from 'drizzle-orm';
import { Hono } from 'hono';
import { devicePath } from '../../../contract/api/devices.ts';
import {
  aboutAnswer,
  deletionAnswer,
  fieldsAnswer,
  latestAnswer,
  retentionEdit,
  telemetryAccount,
  telemetryRange,
} from '../../../contract/api/telemetry.ts';
import { auditOrigin, writeAudit } from '../../audit/audit.ts';
import { type ApiEnv, requireAdmin } from '../../http/actor.ts';
import { describeOperation } from '../../http/describe.ts';
import { validate } from '../../http/validate.ts';
import type { Database } from '../../platform/db/client.ts';
import { deviceAbout, telemetryDevices } from '../../platform/db/schema.ts';
import { AppError } from '../../platform/errors.ts';
import { findOrMakeKeys } from '../ingest/device-state.ts';
import { deleteRecords } from '../query/delete-records.ts';
import { readFields } from '../query/read-fields.ts';
import { readNewestRecord } from '../query/read-records.ts';
import { badRequest, type TelemetryQueryDeps, telemetryOf, toRecordAnswer } from './records.ts';

const tag = 'Telemetry';

/** What is known of the telemetry of one device, and what operators change about it. */
export function deviceTelemetryRoutes(deps: TelemetryQueryDeps & { readonly db: Database }) {
  const { db, clock } = deps;
  return new Hono<ApiEnv>()
    .get(
      '/devices/:id/telemetry/latest',
      describeOperation({
        id: 'readLatestTelemetry',
        tag,
        summary: 'Read the newest record and the newest value of each field',
        answer: latestAnswer,
        problems: ['not-found'],
      }),
      validate('param', devicePath),
      async (c) => {
        const device = await telemetryOf(db, c.req.valid('param').id);
        if (!device) return c.json({ record: null, values: [] });
        const record = await readNewestRecord(db, device.key, clock.now());
        const fields = await readFields(db, device.key);
        return c.json({
          record: record ? toRecordAnswer(record) : null,
          values: fields.map(({ name, value, atMs }) => ({ name, value, at: new Date(atMs).toISOString() })),
        });
      },
    )
    .get(
      '/devices/:id/telemetry/fields',
      describeOperation({
        id: 'listTelemetryFields',
        tag,
        summary: 'List the fields of a device',
        description:
          'At most 200, by name, with the unit and quantity that the device described itself with.',
        answer: fieldsAnswer,
        problems: ['not-found'],
      }),
      validate('param', devicePath),
      async (c) => {
        const device = await telemetryOf(db, c.req.valid('param').id);
        const fields = device ? await readFields(db, device.key) : [];
        const items = fields.map(({ name, kind, unit = null, quantity = null, atMs }) => ({
          name,
          kind,
          unit,
          quantity,
          lastAt: new Date(atMs).toISOString(),
        }));
        return c.json({ items });
      },
    )
    .get(
      '/devices/:id/telemetry/account',
      describeOperation({
        id: 'readTelemetryAccount',
        tag,
        summary: 'Read how many records were stored, lost and repeated',
        answer: telemetryAccount,
        problems: ['not-found'],
      }),
      validate('param', devicePath),
      async (c) => {
        const device = await telemetryOf(db, c.req.valid('param').id);
        const { stored = 0, lost = 0, repeated = 0, rejected = 0, retentionDays = null } = device ?? {};
        const lastReceivedAt = device?.lastReceivedAt?.toISOString() ?? null;
        return c.json({
          sent: stored + lost,
          stored,
          lost,
          repeated,
          rejected,
          lastReceivedAt,
          retentionDays,
        });
      },
    )
    .put(
      '/devices/:id/telemetry/retention',
      requireAdmin,
      describeOperation({
        id: 'setTelemetryRetention',
        tag,
        summary: 'Set how long the records of a device are kept',
        description:
          'Takes effect within an hour. Hourly rollups are kept for `ROLLUP_RETENTION` either way.',
        answer: retentionEdit,
        admin: true,
        problems: ['not-found', 'validation-failed'],
      }),
      validate('param', devicePath),
      validate('json', retentionEdit),
      async (c) => {
        const { id } = c.req.valid('param');
        const { retentionDays } = c.req.valid('json');
        const before = (await telemetryOf(db, id))?.retentionDays ?? null;
        await db.transaction(async (tx) => {
          await findOrMakeKeys(tx, [id]);
          await tx.update(telemetryDevices).set({ retentionDays }).where(eq(telemetryDevices.deviceId, id));
          await writeAudit(tx, {
            ...auditOrigin(c, clock.now()),
            action: 'telemetry.retention_set',
            subject: id,
            before: { retentionDays: before },
            after: { retentionDays },
          });
        });
        return c.json({ retentionDays });
      },
    )
    .delete(
      '/devices/:id/telemetry',
      requireAdmin,
      describeOperation({
        id: 'deleteTelemetry',
        tag,
        summary: 'Delete the records of a range',
        description:
          'Rollups of the hours it touches are made again. A long range of a busy device may need several calls.',
        answer: deletionAnswer,
        admin: true,
        problems: ['bad-request', 'not-found'],
      }),
      validate('param', devicePath),
      validate('query', telemetryRange),
      async (c) => {
        const { id } = c.req.valid('param');
        const { from, to } = c.req.valid('query');
        if (from >= to) badRequest('from', 'must be before `to`');
        const device = await telemetryOf(db, id);
        if (!device) return c.json({ deleted: 0 });
        const deleted = await db.transaction(async (tx) => {
          const range = { device: device.key, fromMs: from.getTime(), toMs: to.getTime() };
          const count = await deleteRecords(tx, range);
          await writeAudit(tx, {
            ...auditOrigin(c, clock.now()),
            action: 'telemetry.deleted',
            subject: id,
            before: { from: from.toISOString(), to: to.toISOString(), records: count },
          });
          return count;
        });
        return c.json({ deleted });
      },
    )
    .get(
      '/devices/:id/about',
      describeOperation({
        id: 'readDeviceAbout',
        tag,
        summary: 'Read what a device last said about itself',
        answer: aboutAnswer,
        problems: ['not-found'],
      }),
      validate('param', devicePath),
      async (c) => {
        const { id } = c.req.valid('param');
        const [about] = await db
          .select({
            firmware: deviceAbout.firmware,
            board: deviceAbout.board,
            library: deviceAbout.library,
            resetReason: deviceAbout.resetReason,
            fields: deviceAbout.fields,
            commands: deviceAbout.commands,
            receivedAt: deviceAbout.receivedAt,
          })
          .from(deviceAbout)
          .where(eq(deviceAbout.deviceId, id));
        if (!about) throw new AppError('not_found', `The device ${id} has not said anything about itself.`);
        const { fields, commands } = aboutAnswer.pick({ fields: true, commands: true }).parse(about);
        return c.json({ ...about, fields, commands, receivedAt: about.receivedAt.toISOString() });
      },
    );
}
