import { Hono } from 'hono';
import { z } from 'zod';
import { devicePath } from '../../../contract/api/devices.ts';
import type { ApiEnv } from '../../http/actor.ts';
import { describeOperation } from '../../http/describe.ts';
import { type EventStream, eventStream } from '../../http/event-stream.ts';
import { validate } from '../../http/validate.ts';
import { requirePlace } from '../../http/viewers.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Queryable } from '../../platform/db/client.ts';
import type { Live } from '../live/live.ts';
import { readNewRecords } from '../live/read-new-records.ts';
import { telemetryOf, toRecordAnswer } from './records.ts';

export interface LiveRoutesDeps {
  readonly db: Queryable;
  readonly clock: Clock;
  readonly live: Live;
  readonly stopping: AbortSignal;
}

/** On this instance. */
const MAX_VIEWERS = 500;
/** Of one session or API key: a browser with many tabs, each of which has several devices. */
const MAX_OF_ACTOR = 50;
/** Records that are sent at once; a viewer that missed more reads them as a range. */
const MAX_RECORDS = 200;
const EVENT_ID = /^\d{1,16}$/;

/** Records as they arrive. */
export function liveRoutes({ db, clock, live, stopping }: LiveRoutesDeps) {
  return new Hono<ApiEnv>().get(
    '/devices/:id/telemetry/live',
    describeOperation({
      id: 'watchTelemetry',
      tag: 'Telemetry',
      summary: 'Watch records as they arrive',
      description:
        'Server-sent events: `record` holds a record as lists do; `gap` says that records arrived which are not sent here (measured long ago, or too many): read their range. `Last-Event-ID` resumes. The stream ends after five minutes, and within a second of the end of its session or API key; an EventSource comes back by itself. At most 500 streams an instance, 50 of them of one session or key.',
      answer: z.string(),
      answerType: 'text/event-stream',
      problems: ['not-found'],
    }),
    validate('param', devicePath),
    async (c) => {
      const { id } = c.req.valid('param');
      const device = await telemetryOf(db, id);
      const actor = c.get('actor');
      requirePlace(live.viewers(), actor, { limit: MAX_VIEWERS, ofActor: MAX_OF_ACTOR });
      const last = c.req.header('last-event-id') ?? '';
      // One less: what arrives within this very millisecond may have its full number.
      const afterUs = EVENT_ID.test(last) ? Number(last) : clock.now() * 1_000 - 1;
      return eventStream(c, { clock, stopping }, (stream) => {
        const onChange = follower(db, id, stream, { afterUs, stored: device?.stored ?? 0 }, () =>
          live.lookAgain(id),
        );
        live.watch(id, { actor, stream, onChange });
      });
    },
  );
}

/** Sends what is new each time it is called; calls that come while it reads are one more read after it. */
function follower(
  db: Queryable,
  deviceId: string,
  stream: EventStream,
  from: { readonly afterUs: number; readonly stored: number },
  onFailed: () => void,
): () => void {
  let { afterUs, stored } = from;
  let reading = false;
  let again = false;

  async function read(): Promise<void> {
    const found = await readNewRecords(db, deviceId, afterUs, MAX_RECORDS);
    if (stream.signal.aborted) return;
    for (const record of found.records) {
      afterUs = record.receivedUs;
      stream.send({ name: 'record', id: String(afterUs), data: toRecordAnswer(record) });
    }
    const missed = found.stored - stored - found.records.length;
    stored = found.stored;
    if (missed > 0) stream.send({ name: 'gap', data: { records: missed } });
    if (found.records.length === MAX_RECORDS) again = true;
  }

  return () => {
    again = true;
    if (reading) return;
    reading = true;
    void (async () => {
      while (again && !stream.signal.aborted) {
        again = false;
        await read().catch(onFailed);
      }
      reading = false;
    })();
  };
}
