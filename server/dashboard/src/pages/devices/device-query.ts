import { useMemo } from 'react';
import { useSearchParams } from 'wouter';
import type { DeviceQuery } from '../../api/fleet.ts';

const FILTERS = ['q', 'role', 'state', 'online', 'master', 'tag', 'flapping'] as const;
export const PAGE_SIZE = 50;

export interface DeviceListState {
  readonly query: DeviceQuery;
  /** The number of the page, from 1. */
  readonly page: number;
  readonly isFiltered: boolean;
  /** Changes filters; the list starts at its beginning again. An empty value takes a filter away. */
  change(changes: Readonly<Record<string, string>>): void;
  turn(page: number, cursor: string | undefined): void;
}

/** The list's filters, order and page, kept in the address so that it can be shared and survives a reload. */
export function useDeviceListState(): DeviceListState {
  const [params, setParams] = useSearchParams();
  return useMemo(() => {
    const given = (name: string) => params.get(name) || undefined;
    const query = {
      ...Object.fromEntries(FILTERS.flatMap((name) => (given(name) ? [[name, given(name)]] : []))),
      sort: given('sort') ?? 'createdAt',
      order: given('order') ?? 'desc',
      limit: String(PAGE_SIZE),
      ...(given('cursor') ? { cursor: given('cursor') } : {}),
    } as DeviceQuery;
    return {
      query,
      page: Math.max(1, Number(given('page')) || 1),
      isFiltered: FILTERS.some((name) => given(name) !== undefined),
      change(changes) {
        setParams(
          (before) => {
            const next = new URLSearchParams(before);
            for (const [name, value] of Object.entries(changes)) {
              if (value) next.set(name, value);
              else next.delete(name);
            }
            next.delete('cursor');
            next.delete('page');
            return next;
          },
          { replace: true },
        );
      },
      turn(page, cursor) {
        setParams((before) => {
          const next = new URLSearchParams(before);
          if (page > 1 && cursor) {
            next.set('cursor', cursor);
            next.set('page', String(page));
          } else {
            next.delete('cursor');
            next.delete('page');
          }
          return next;
        });
      },
    };
  }, [params, setParams]);
}

/** The part of a list's query that chooses devices, without order and page. */
export function filterOf(query: DeviceQuery): Record<string, string> {
  return Object.fromEntries(FILTERS.flatMap((name) => (query[name] ? [[name, String(query[name])]] : [])));
}
