import type { Bucket } from '../../../api/telemetry.ts';

/** Columns as the chart takes them: times in seconds; mean, lowest and highest; null where nothing was measured. */
export interface Series {
  readonly times: number[];
  readonly mean: (number | null)[];
  readonly low: (number | null)[];
  readonly high: (number | null)[];
}

/** How many times the usual distance between two values is a gap. */
const GAP = 3;

/** Turns buckets into columns; the line is broken where values are missing for much longer than they usually are. */
export function toSeries(buckets: readonly Bucket[]): Series {
  const series: Series = { times: [], mean: [], low: [], high: [] };
  const distances = buckets.slice(1).map((bucket, at) => Date.parse(bucket.at) - timeOf(buckets[at]));
  const usual = median(distances);
  buckets.forEach((bucket, at) => {
    const time = Date.parse(bucket.at);
    if (at > 0 && time - timeOf(buckets[at - 1]) > usual * GAP) {
      push(series, (timeOf(buckets[at - 1]) + usual) / 1_000, null, null, null);
    }
    push(series, time / 1_000, bucket.mean, bucket.min.value, bucket.max.value);
  });
  return series;
}

function push(series: Series, time: number, mean: number | null, low: number | null, high: number | null) {
  series.times.push(time);
  series.mean.push(mean);
  series.low.push(low);
  series.high.push(high);
}

function timeOf(bucket: Bucket | undefined): number {
  return bucket ? Date.parse(bucket.at) : 0;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.POSITIVE_INFINITY;
}
