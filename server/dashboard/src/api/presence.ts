import { queryOptions } from '@tanstack/react-query';
import type { InferResponseType } from 'hono/client';
import { answer } from './answer.ts';
import { api } from './client.ts';
import { zone } from './zone.ts';

/** What is wrong with a device, and what to do about it. */
export function diagnosisQuery(id: string) {
  return queryOptions({
    queryKey: ['diagnosis', id],
    queryFn: ({ signal }) =>
      answer(api.devices[':id'].diagnosis.$get({ param: { id } }, { init: { signal } })),
  });
}

const one = api.devices[':id'];

export type Presence = InferResponseType<typeof one.presence.$get, 200>;
export type TimelinePage = InferResponseType<typeof one.timeline.$get, 200>;
export type TimelineEvent = TimelinePage['items'][number];
export type TimelineKind = TimelineEvent['kind'];

/** Days of uptime that are shown. */
const UPTIME_DAYS = 14;

/** Whether a device is restless, and how long it was connected by day. */
export function presenceQuery(id: string) {
  return queryOptions({
    queryKey: ['presence', id],
    queryFn: ({ signal }) =>
      answer(
        one.presence.$get(
          { param: { id }, query: { days: String(UPTIME_DAYS), zone } },
          { init: { signal } },
        ),
      ),
  });
}

/** Everything that happened about a device, or what is of one kind; newest first, from a cursor on. */
export async function readTimeline(
  id: string,
  kind: TimelineKind | undefined,
  cursor: string,
  signal: AbortSignal,
): Promise<TimelinePage> {
  const query = { limit: '50', ...(kind ? { kind } : {}), ...(cursor ? { cursor } : {}) };
  return await answer(one.timeline.$get({ param: { id }, query }, { init: { signal } }));
}
