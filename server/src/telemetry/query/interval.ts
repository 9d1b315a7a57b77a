import { INTERVALS, type Interval, intervalNames } from '../../../contract/api/telemetry.ts';

const HOUR_SECONDS = 3_600;

export interface IntervalChoice {
  readonly fromMs: number;
  readonly toMs: number;
  readonly maxBuckets: number;
  /** Records before this are no longer kept; of what is older there are hours only. */
  readonly recordsSinceMs: number;
}

/** The narrowest interval that cuts a range into at most `maxBuckets`, one at either end being cut by the range. */
export function chooseInterval({ fromMs, toMs, maxBuckets, recordsSinceMs }: IntervalChoice): Interval {
  const least = fromMs < recordsSinceMs ? HOUR_SECONDS : 0;
  const fitting = intervalNames.find(
    (name) => INTERVALS[name] >= least && bucketsIn(name, fromMs, toMs) <= maxBuckets,
  );
  return fitting ?? '364d';
}

/** How many buckets of an interval a range can touch. */
export function bucketsIn(interval: Interval, fromMs: number, toMs: number): number {
  return Math.ceil((toMs - fromMs) / (INTERVALS[interval] * 1_000)) + 1;
}

/**
 * Whether buckets are made of whole hours, so that hourly rollups will do. The hours are those of UTC: a zone that is not
 * whole hours away needs the records, where they are still kept.
 */
export function madeOfHours(
  interval: Interval,
  zone: string,
  { fromMs, recordsSinceMs }: Pick<IntervalChoice, 'fromMs' | 'recordsSinceMs'>,
): boolean {
  if (INTERVALS[interval] < HOUR_SECONDS) return false;
  return fromMs < recordsSinceMs || offsetMinutes(zone, fromMs) % 60 === 0;
}

/** Minutes that a zone is ahead of UTC. */
export function offsetMinutes(zone: string, atMs: number): number {
  const text = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' }).format(atMs);
  const [, sign, hours, minutes] = /GMT([+-])(\d{2}):(\d{2})/.exec(text) ?? [];
  if (sign === undefined) return 0;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}
