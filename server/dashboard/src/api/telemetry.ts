import { queryOptions } from '@tanstack/react-query';
import type { InferResponseType } from 'hono/client';
import { measured } from '../format/number.ts';
import { answer, failureKind } from './answer.ts';
import { api } from './client.ts';
import { zone } from './zone.ts';

const one = api.devices[':id'].telemetry;

type TelemetryAnswer = InferResponseType<typeof one.$get, 200>;
export type Buckets = Extract<TelemetryAnswer, { kind: 'buckets' }>;
export type Records = Extract<TelemetryAnswer, { kind: 'records' }>;
export type Bucket = Buckets['fields'][number]['buckets'][number];
export type Ingest = InferResponseType<typeof api.telemetry.ingest.$get, 200>;
export type Field = InferResponseType<typeof one.fields.$get, 200>['items'][number];

/** A stretch of time, in Unix milliseconds. */
export interface TimeRange {
  readonly from: number;
  readonly to: number;
}

function times({ from, to }: TimeRange): { readonly from: string; readonly to: string } {
  return { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
}

export function fieldsQuery(id: string) {
  return queryOptions({
    queryKey: ['latest', id, 'fields'],
    queryFn: ({ signal }) => answer(one.fields.$get({ param: { id } }, { init: { signal } })),
  });
}

export function latestQuery(id: string) {
  return queryOptions({
    queryKey: ['latest', id, 'values'],
    queryFn: ({ signal }) => answer(one.latest.$get({ param: { id } }, { init: { signal } })),
  });
}

export function accountQuery(id: string) {
  return queryOptions({
    queryKey: ['latest', id, 'account'],
    queryFn: ({ signal }) => answer(one.account.$get({ param: { id } }, { init: { signal } })),
  });
}

export function aboutQuery(id: string) {
  return queryOptions({
    queryKey: ['latest', id, 'about'],
    queryFn: async ({ signal }) => {
      try {
        return await answer(api.devices[':id'].about.$get({ param: { id } }, { init: { signal } }));
      } catch (error) {
        // A device need not describe itself.
        if (failureKind(error) === 'not-found') return null;
        throw error;
      }
    },
  });
}

export function ingestQuery() {
  return queryOptions({
    queryKey: ['ingest'],
    queryFn: ({ signal }) => answer(api.telemetry.ingest.$get({}, { init: { signal } })),
  });
}

export function rejectsQuery() {
  return queryOptions({
    queryKey: ['rejects'],
    queryFn: ({ signal }) =>
      answer(api.telemetry.rejects.$get({ query: { limit: '20' } }, { init: { signal } })),
  });
}

/** All numeric fields in at most `buckets` steps, each with its lowest and highest value, so that spikes stay visible. */
export async function readBuckets(
  id: string,
  range: TimeRange,
  buckets: number,
  signal: AbortSignal,
): Promise<Buckets> {
  const query = { ...times(range), buckets: String(buckets), zone };
  const found = await answer<TelemetryAnswer>(one.$get({ param: { id }, query }, { init: { signal } }));
  if (found.kind !== 'buckets') throw new Error('buckets were asked for');
  return found;
}

export async function readRecords(id: string, range: TimeRange, cursor: string): Promise<Records> {
  const query = { ...times(range), limit: '100', ...(cursor ? { cursor } : {}) };
  const found = await answer<TelemetryAnswer>(one.$get({ param: { id }, query }));
  if (found.kind !== 'records') throw new Error('records were asked for');
  return found;
}

/** Deletes the records measured in a range. */
export async function deleteRecords(id: string, range: TimeRange): Promise<number> {
  return (await answer(one.$delete({ param: { id }, query: times(range) }))).deleted;
}

/** null: as long as the server keeps records unless told otherwise. */
export async function setRetention(id: string, retentionDays: number | null): Promise<void> {
  await answer(one.retention.$put({ param: { id }, json: { retentionDays } }));
}

/** Where the records of a range can be downloaded. */
export function exportHref(id: string, range: TimeRange, ending: 'csv' | 'ndjson'): string {
  return `/api/v1/devices/${id}/telemetry/export.${ending}?${new URLSearchParams(times(range))}`;
}

/** A value of any type as text; numbers with the digits that are likely to mean something. */
export function valueText(value: unknown): string {
  if (typeof value === 'number') return measured(value);
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The same with all digits of a number. */
export function exactText(value: unknown): string {
  return typeof value === 'number' ? String(value) : valueText(value);
}
