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
export type SessionPage = InferResponseType<typeof one.sessions.$get, 200>;
export type DeviceSession = SessionPage['items'][number];

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

export async function readSessions(id: string, cursor: string): Promise<SessionPage> {
  return await answer(
    one.sessions.$get({ param: { id }, query: { limit: '50', ...(cursor ? { cursor } : {}) } }),
  );
}
