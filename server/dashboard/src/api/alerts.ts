import { queryOptions } from '@tanstack/react-query';
import type { InferRequestType, InferResponseType } from 'hono/client';
import type { AlertCondition, AlertScope } from '../../../contract/api/alert-rules.ts';
import { answer } from './answer.ts';
import { api } from './client.ts';

const one = api.alerts[':id'];
const deviceSilence = api.devices[':id']['alert-silence'];

export type { AlertCondition, AlertScope };
export type AlertPage = InferResponseType<typeof api.alerts.$get, 200>;
export type Alert = AlertPage['items'][number];
export type AlertSummary = InferResponseType<typeof api.alerts.summary.$get, 200>;
export type AlertFilter = Omit<InferRequestType<typeof api.alerts.$get>['query'], 'limit' | 'cursor'>;

/** What messages can be held back for. */
export type SilenceTarget =
  | { readonly kind: 'alert'; readonly id: number }
  | { readonly kind: 'rule'; readonly id: string; readonly name: string }
  | { readonly kind: 'device'; readonly id: string; readonly name: string };

export function alertSummaryQuery() {
  return queryOptions({
    queryKey: ['alerts', 'summary'],
    queryFn: ({ signal }) => answer(api.alerts.summary.$get({}, { init: { signal } })),
  });
}

/** The newest alerts of a filter. */
export function newestAlertsQuery(filter: AlertFilter, limit: number) {
  return queryOptions({
    queryKey: ['alerts', 'newest', filter, limit],
    queryFn: ({ signal }) =>
      answer(api.alerts.$get({ query: { ...filter, limit: String(limit) } }, { init: { signal } })),
  });
}

export async function readAlerts(
  filter: AlertFilter,
  cursor: string,
  signal: AbortSignal,
): Promise<AlertPage> {
  const query = { ...filter, limit: '50', ...(cursor ? { cursor } : {}) };
  return await answer(api.alerts.$get({ query }, { init: { signal } }));
}

export async function acknowledgeAlert(id: number): Promise<Alert> {
  return await answer(one.acknowledge.$post({ param: { id: String(id) } }));
}

export function deviceSilenceQuery(id: string) {
  return queryOptions({
    queryKey: ['alerts', 'silence', id],
    queryFn: ({ signal }) => answer(deviceSilence.$get({ param: { id } }, { init: { signal } })),
  });
}

/** Sends no messages about the target before `until`; null ends the silence. */
export async function silence(target: SilenceTarget, until: string | null): Promise<void> {
  const json = { until };
  if (target.kind === 'alert') await answer(one.silence.$put({ param: { id: String(target.id) }, json }));
  else if (target.kind === 'rule') {
    await answer(api['alert-rules'][':id'].silence.$put({ param: { id: target.id }, json }));
  } else await answer(deviceSilence.$put({ param: { id: target.id }, json }));
}
