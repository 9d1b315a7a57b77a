import { Hono } from 'hono';
import { z } from 'zod';
import { devicePath } from '../../contract/api/devices.ts';
import {
  diagnosisAnswer,
  presenceAnswer,
  presenceQuery,
  sessionPage,
  sessionQuery,
  timelinePage,
  timelineQuery as timelineParameters,
} from '../../contract/api/presence.ts';
import { LATEST_MS, plainText } from '../../contract/text.ts';
import { unknownDevice } from '../devices/change-device.ts';
import { type DeviceRow, findDevice } from '../devices/device.ts';
import type { ApiEnv } from '../http/actor.ts';
import { cursor, cutPage } from '../http/cursor.ts';
import { describeOperation } from '../http/describe.ts';
import { validate } from '../http/validate.ts';
import type { Clock } from '../platform/clock.ts';
import type { Queryable } from '../platform/db/client.ts';
import { diagnose } from './diagnose.ts';
import { readLastRefusal, readRecent, readSessions, readUptime, toSessionAnswer } from './read-history.ts';
import { readSigns } from './read-signs.ts';
import { readTimeline } from './read-timeline.ts';

const tag = 'Presence';
const query = sessionQuery.extend({ cursor: cursor(z.int().min(0).max(LATEST_MS)) });
const timelineQuery = timelineParameters.extend({
  cursor: cursor(
    z.object({
      a: z
        .int()
        .min(0)
        .max(LATEST_MS * 1_000),
      k: plainText(200),
    }),
  ),
});

interface PresenceRouteDeps {
  readonly db: Queryable;
  readonly clock: Clock;
}

/** When devices were connected, and what is wrong with one. */
export function presenceRoutes({ db, clock }: PresenceRouteDeps) {
  async function deviceOf(id: string): Promise<DeviceRow> {
    const device = await findDevice(db, id);
    if (!device) throw unknownDevice(id);
    return device;
  }

  return new Hono<ApiEnv>()
    .get(
      '/devices/:id/presence',
      describeOperation({
        id: 'readPresence',
        tag,
        summary: 'Read whether a device is online, how it left or was refused last, and its uptime',
        answer: presenceAnswer,
        problems: ['not-found', 'bad-request'],
      }),
      validate('param', devicePath),
      validate('query', presenceQuery),
      async (c) => {
        const { id } = c.req.valid('param');
        const { days, zone } = c.req.valid('query');
        const device = await deviceOf(id);
        const [newest] = await readSessions(db, id, 1);
        return c.json({
          online: device.connectedAt !== null,
          lastSeenAt: device.lastSeenAt?.toISOString() ?? null,
          session: newest ? toSessionAnswer(newest) : null,
          lastRefusal: await readLastRefusal(db, id),
          ...(await readRecent(db, id)),
          zone,
          uptime: await readUptime(db, id, { days, zone, now: clock.now() }),
        });
      },
    )
    .get(
      '/devices/:id/sessions',
      describeOperation({
        id: 'listDeviceSessions',
        tag,
        summary: 'List the sessions of a device on the broker, newest first',
        description: 'Kept for 90 days.',
        answer: sessionPage,
        problems: ['not-found', 'bad-request'],
      }),
      validate('param', devicePath),
      validate('query', query),
      async (c) => {
        const { id } = c.req.valid('param');
        const { limit, cursor: before } = c.req.valid('query');
        await deviceOf(id);
        const rows = await readSessions(
          db,
          id,
          limit + 1,
          before === undefined ? undefined : new Date(before),
        );
        const page = cutPage(rows, limit, (last) => last.connectedAt.getTime());
        return c.json({ items: page.rows.map(toSessionAnswer), next: page.next });
      },
    )
    .get(
      '/devices/:id/timeline',
      describeOperation({
        id: 'readTimeline',
        tag,
        summary: 'Read everything that happened about a device, newest first',
        description: 'Refusals, changes by operators, sessions, how commands ended, and alerts.',
        answer: timelinePage,
        problems: ['not-found', 'bad-request'],
      }),
      validate('param', devicePath),
      validate('query', timelineQuery),
      async (c) => {
        const { id } = c.req.valid('param');
        const { limit, kind, cursor: from } = c.req.valid('query');
        await deviceOf(id);
        const rows = await readTimeline(db, id, {
          limit: limit + 1,
          kind,
          behind: from && { atUs: from.a, key: from.k },
        });
        const page = cutPage(rows, limit, ({ atUs, key }) => ({ a: atUs, k: key }));
        const items = page.rows.map(({ atUs, key, kind: ofKind, what, detail }) => ({
          id: key,
          at: new Date(Math.floor(atUs / 1_000)).toISOString(),
          kind: ofKind,
          what,
          detail,
        }));
        return c.json({ items, next: page.next });
      },
    )
    .get(
      '/devices/:id/diagnosis',
      describeOperation({
        id: 'diagnoseDevice',
        tag,
        summary: 'Read in a sentence what is wrong with a device and what to do next',
        answer: diagnosisAnswer,
        problems: ['not-found'],
      }),
      validate('param', devicePath),
      async (c) => {
        const { id } = c.req.valid('param');
        const device = await deviceOf(id);
        const [newest] = await readSessions(db, id, 1);
        return c.json(
          diagnose({ device, newest, recent: await readRecent(db, id), ...(await readSigns(db, id)) }),
        );
      },
    );
}
