import { queryOptions } from '@tanstack/react-query';
import type { InferResponseType } from 'hono/client';
import { answer } from './answer.ts';
import { api } from './client.ts';

export type Operator = InferResponseType<typeof api.operators.$get>['items'][number];
export type ApiKey = InferResponseType<(typeof api)['api-keys']['$get']>['items'][number];

interface PageOf<Item> {
  readonly items: readonly Item[];
  readonly next: string | null;
}

export function operatorsQuery() {
  return queryOptions({
    queryKey: ['operators'],
    queryFn: () =>
      allOf<Operator>((cursor) => answer(api.operators.$get({ query: { limit: '200', ...cursor } }))),
  });
}

export function apiKeysQuery() {
  return queryOptions({
    queryKey: ['api-keys'],
    queryFn: () =>
      allOf<ApiKey>((cursor) => answer(api['api-keys'].$get({ query: { limit: '200', ...cursor } }))),
  });
}

const MAX_PAGES = 50;

/** Lists of people and keys are short enough to be read to their end. */
async function allOf<Item>(read: (cursor: { cursor?: string }) => Promise<PageOf<Item>>): Promise<Item[]> {
  const items: Item[] = [];
  let next: string | null = null;
  for (let page = 0; page < MAX_PAGES && (page === 0 || next !== null); page++) {
    const { items: more, next: following }: PageOf<Item> = await read(next === null ? {} : { cursor: next });
    items.push(...more);
    next = following;
  }
  return items;
}
