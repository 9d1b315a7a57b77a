import { useEffect, useState } from 'react';

/** Readings older than this no longer count. */
const WINDOW_MS = 60_000;
/** A total is some seconds old when it is read: over less time than this, its growth says nothing. */
const LEAST_MS = 8_000;

export interface Reading {
  readonly at: number;
  readonly total: number;
}

/** How fast a total grows each second, by the readings of the last minute; undefined until that can be said. */
export function useRate(total: number | undefined, at: number): number | undefined {
  const [readings, setReadings] = useState<readonly Reading[]>([]);
  useEffect(() => {
    if (total !== undefined) setReadings((before) => withReading(before, { at, total }));
  }, [total, at]);
  return rateOf(readings);
}

/** A total that falls, as when a device is deleted, begins again. */
export function withReading(before: readonly Reading[], next: Reading): Reading[] {
  const last = before.at(-1);
  if (last && next.total < last.total) return [next];
  return [...before.filter(({ at }) => next.at - at <= WINDOW_MS && at !== next.at), next];
}

export function rateOf(readings: readonly Reading[]): number | undefined {
  const [first, last] = [readings[0], readings.at(-1)];
  if (!first || !last || last.at - first.at < LEAST_MS) return undefined;
  return ((last.total - first.total) / (last.at - first.at)) * 1_000;
}
