import type { Standing } from '../evaluation/standing.ts';
import { isLate, type Sample, stepThreshold, type Threshold } from '../evaluation/threshold.ts';

/** An alert as it would have been. Times are Unix milliseconds. */
export interface SimulatedAlert {
  readonly firedMs: number;
  /** Nothing: it would fire now. */
  resolvedMs: number | undefined;
  readonly value: number | null;
}

/** What a threshold would have made of values, in the order of receipt. */
export function simulateThreshold(
  condition: Threshold,
  samples: readonly Sample[],
  toMs: number,
): SimulatedAlert[] {
  const alerts: SimulatedAlert[] = [];
  let standing: Standing = { state: 'ok', sinceUs: 0, value: null, dueUs: null };
  let newest = 0;

  function fire(atUs: number, { value }: Standing): void {
    alerts.push({ firedMs: atUs / 1_000, resolvedMs: undefined, value });
  }
  function passTime(untilUs: number): void {
    if (standing.dueUs === null || standing.dueUs > untilUs) return;
    fire(standing.dueUs, standing);
    standing = { ...standing, state: 'firing', sinceUs: standing.dueUs, dueUs: null };
  }

  for (const sample of samples) {
    if (sample.atUs < newest || isLate(sample)) continue;
    newest = sample.atUs;
    passTime(sample.receivedUs);
    const before = standing;
    standing = stepThreshold(condition, standing, sample);
    if (standing.state === before.state) continue;
    if (standing.state === 'firing') fire(sample.receivedUs, standing);
    const open = alerts.at(-1);
    if (before.state === 'firing' && open) open.resolvedMs = sample.receivedUs / 1_000;
  }
  passTime(toMs * 1_000);
  return alerts;
}

/** A stretch of time without what is watched for. */
export interface Gap {
  readonly fromMs: number;
  /** Nothing: it has not ended. */
  readonly toMs: number | undefined;
}

/** What would have fired when gaps lasted longer than `limitMs`; the value is in seconds. */
export function simulateGaps(gaps: readonly Gap[], limitMs: number, nowMs: number): SimulatedAlert[] {
  return gaps
    .filter((gap) => (gap.toMs ?? nowMs) - gap.fromMs > limitMs)
    .map((gap) => ({ firedMs: gap.fromMs + limitMs, resolvedMs: gap.toMs, value: limitMs / 1_000 }));
}

/** The gaps before, between and after moments in order. */
export function gapsBetween(momentsMs: readonly number[], fromMs: number | undefined): Gap[] {
  const starts = fromMs === undefined ? momentsMs : [fromMs, ...momentsMs];
  const ends = fromMs === undefined ? momentsMs.slice(1) : momentsMs;
  return starts.map((start, at) => ({ fromMs: start, toMs: ends[at] }));
}

/** Something that counts, at a moment. */
export interface Counted {
  readonly atMs: number;
  readonly count: number;
}

/** What would have fired when so much was counted within a window of time; it clears below half of that. */
export function simulateWindow(
  counted: readonly Counted[],
  windowMs: number,
  limit: number,
  nowMs: number,
): SimulatedAlert[] {
  const changes = counted
    .flatMap(({ atMs, count }) => [
      { atMs, by: count },
      { atMs: atMs + windowMs, by: -count },
    ])
    .filter(({ atMs }) => atMs <= nowMs)
    .sort((a, b) => a.atMs - b.atMs || a.by - b.by);
  const alerts: SimulatedAlert[] = [];
  let sum = 0;
  for (const { atMs, by } of changes) {
    sum += by;
    const open = alerts.at(-1);
    const fires = open !== undefined && open.resolvedMs === undefined;
    if (!fires && sum >= limit) alerts.push({ firedMs: atMs, resolvedMs: undefined, value: sum });
    else if (fires && sum * 2 < limit) open.resolvedMs = atMs;
  }
  return alerts;
}
