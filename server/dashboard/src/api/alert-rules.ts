import { queryOptions } from '@tanstack/react-query';
import type { InferRequestType, InferResponseType } from 'hono/client';
import { answer } from './answer.ts';
import { api, ifVersion } from './client.ts';

const all = api['alert-rules'];
const one = all[':id'];

export type AlertRule = InferResponseType<typeof one.$get, 200>;
export type NewAlertRule = InferRequestType<typeof all.$post>['json'];
export type AlertRuleChange = InferRequestType<typeof one.$patch>['json'];
export type AlertPreview = InferResponseType<typeof all.preview.$post, 200>;
export type PreviewRequest = InferRequestType<typeof all.preview.$post>['json'];

export function alertRulesQuery() {
  return queryOptions({
    queryKey: ['alert-rules', 'list'],
    queryFn: async ({ signal }) => (await answer(all.$get({}, { init: { signal } }))).items,
  });
}

export function alertRuleQuery(id: string) {
  return queryOptions({
    queryKey: ['alert-rules', 'one', id],
    queryFn: ({ signal }) => answer(one.$get({ param: { id } }, { init: { signal } })),
  });
}

/** What a rule would have done in the last 24 hours. */
export function previewQuery(request: PreviewRequest) {
  return queryOptions({
    queryKey: ['alert-preview', request],
    queryFn: ({ signal }) => answer(all.preview.$post({ json: request }, { init: { signal } })),
    staleTime: 60_000,
    retry: false,
  });
}

export async function createRule(rule: NewAlertRule): Promise<AlertRule> {
  return await answer(all.$post({ json: rule }));
}

/** @throws RequestFailure `precondition-failed` if the rule has another version than the one that was seen. */
export async function changeRule(id: string, version: number, change: AlertRuleChange): Promise<AlertRule> {
  return await answer(one.$patch({ param: { id }, json: change }, ifVersion(version)));
}

/** @throws RequestFailure `precondition-failed` if the rule has another version than the one that was seen. */
export async function deleteRule({ id, version }: Pick<AlertRule, 'id' | 'version'>): Promise<void> {
  await answer(one.$delete({ param: { id } }, ifVersion(version)));
}
