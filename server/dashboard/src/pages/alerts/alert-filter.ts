import { useMemo } from 'react';
import { useSearchParams } from 'wouter';
import type { AlertFilter } from '../../api/alerts.ts';

export const VIEWS = [
  ['firing', 'Firing'],
  ['resolved', 'Past'],
  ['all', 'All'],
] as const;
export type AlertView = (typeof VIEWS)[number][0];

export const PERIODS = [
  ['', 'Any time'],
  ['hour', 'The last hour', 3_600_000],
  ['day', 'The last 24 hours', 86_400_000],
  ['week', 'The last 7 days', 7 * 86_400_000],
] as const;

type FilterName = 'state' | 'acknowledged' | 'rule' | 'device' | 'period';

export interface AlertFilterState {
  readonly view: AlertView;
  readonly filter: AlertFilter;
  /** Whether anything but the view narrows the list. */
  readonly isNarrowed: boolean;
  value(name: FilterName): string;
  /** An empty value takes a filter away. */
  change(name: FilterName, value: string): void;
}

/** What the list of alerts shows, kept in the address; what fires unless told otherwise. */
export function useAlertFilter(): AlertFilterState {
  const [params, setParams] = useSearchParams();
  return useMemo(() => {
    const value = (name: FilterName) => params.get(name) ?? '';
    const view = VIEWS.find(([name]) => name === value('state'))?.[0] ?? 'firing';
    const lengthMs = PERIODS.find(([name]) => name === value('period'))?.[2] ?? 0;
    const acknowledged = ['true', 'false'].includes(value('acknowledged')) ? value('acknowledged') : '';
    const narrowing = {
      ...(acknowledged ? { acknowledged } : {}),
      ...(value('rule') ? { rule: value('rule') } : {}),
      ...(value('device') ? { device: value('device') } : {}),
      ...(lengthMs ? { from: startOf(lengthMs) } : {}),
    };
    return {
      view,
      filter: { ...narrowing, ...(view === 'all' ? {} : { state: view }) } as AlertFilter,
      isNarrowed: Object.keys(narrowing).length > 0,
      value,
      change(name, next) {
        setParams(
          (before) => {
            const after = new URLSearchParams(before);
            if (next) after.set(name, next);
            else after.delete(name);
            return after;
          },
          { replace: true },
        );
      },
    };
  }, [params, setParams]);
}

/** To the minute, so that the query stays the same while one reads. */
function startOf(lengthMs: number): string {
  return new Date(Math.floor((Date.now() - lengthMs) / 60_000) * 60_000).toISOString();
}
