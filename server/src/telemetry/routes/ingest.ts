import { and, desc, eq, lt } from 'drizzle-orm';
import { Hono } from 'hono';
import { z } from 'zod';
import { pageOf } from '../../../contract/api/page.ts';
import { ingestStatus, rejectQuery, telemetryReject } from '../../../contract/api/telemetry.ts';
import type { ApiEnv } from '../../http/actor.ts';
import { cursor, cutPage } from '../../http/cursor.ts';
import { describeOperation } from '../../http/describe.ts';
import { validate } from '../../http/validate.ts';
import type { Queryable } from '../../platform/db/client.ts';
import { ingestEvents, telemetryRejects } from '../../platform/db/schema.ts';
import type { AccountReading } from '../figures.ts';
import type { IngestState } from '../ingest/ingest.ts';

export interface IngestRoutesDeps {
  readonly db: Queryable;
  readonly account: AccountReading;
  readonly ingest: {
    state(): IngestState;
    waiting(): number;
    counts(): z.output<typeof ingestStatus>['counts'];
  };
}

const tag = 'Telemetry';
const EVENTS = 20;
const rejectListQuery = rejectQuery.extend({ cursor: cursor(z.int()) });

/** How the ingest is, and what it could not store. */
export function ingestRoutes({ db, account, ingest }: IngestRoutesDeps) {
  return new Hono<ApiEnv>()
    .get(
      '/telemetry/ingest',
      describeOperation({
        id: 'findIngest',
        tag,
        summary: 'Read the state of the ingest',
        answer: ingestStatus,
      }),
      async (c) => {
        const events = await db
          .select({ at: ingestEvents.at, kind: ingestEvents.kind, messages: ingestEvents.messages })
          .from(ingestEvents)
          .orderBy(desc(ingestEvents.id))
          .limit(EVENTS);
        return c.json({
          session: ingest.state(),
          waiting: ingest.waiting(),
          counts: ingest.counts(),
          account: await account(),
          events: events.map(({ at, kind, messages }) => ({ at: at.toISOString(), kind, messages })),
        });
      },
    )
    .get(
      '/telemetry/rejects',
      describeOperation({
        id: 'listTelemetryRejects',
        tag,
        summary: 'List messages that could not be stored',
        description: 'Newest first, kept for a day, at most 60 an hour of each device.',
        answer: pageOf(telemetryReject),
        problems: ['bad-request'],
      }),
      validate('query', rejectListQuery),
      async (c) => {
        const { device, limit, cursor: before } = c.req.valid('query');
        const rows = await db
          .select({
            id: telemetryRejects.id,
            receivedAt: telemetryRejects.receivedAt,
            topic: telemetryRejects.topic,
            device: telemetryRejects.deviceId,
            reason: telemetryRejects.reason,
            payload: telemetryRejects.payload,
            payloadBytes: telemetryRejects.payloadBytes,
          })
          .from(telemetryRejects)
          .where(
            and(
              device === undefined ? undefined : eq(telemetryRejects.deviceId, device),
              before === undefined ? undefined : lt(telemetryRejects.id, before),
            ),
          )
          .orderBy(desc(telemetryRejects.id))
          .limit(limit + 1);
        const page = cutPage(rows, limit, (last) => last.id);
        const items = page.rows.map(({ receivedAt, payload, ...row }) => ({
          ...row,
          receivedAt: receivedAt.toISOString(),
          payload: Buffer.from(payload).toString('utf8'),
        }));
        return c.json({ items, next: page.next });
      },
    );
}
