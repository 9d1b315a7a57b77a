import type { Rule } from '../rules/rule.ts';
import { stepMissing } from './missing.ts';
import type { Pair, Standing } from './standing.ts';
import { isLate, type Sample, stepThreshold } from './threshold.ts';

/** What a batch holds for a rule and a device, in the order of receipt. */
export interface Watch extends Pair {
  readonly rule: Rule;
  /** Values of the field; of a rule for missing data, its receipts. */
  readonly samples: readonly Sample[];
}

/**
 * The standings that a device comes into by its samples, in order; none where they change nothing.
 *
 * @param newestUs the newest time of measurement that was known before them, Unix microseconds.
 */
export function decide(watch: Watch, known: Standing | undefined, newestUs = 0): readonly Standing[] {
  const { condition } = watch.rule;
  if (condition.kind === 'missing') {
    const next = stepMissing(condition, known, watch.samples.at(-1)?.receivedUs ?? 0);
    return next === known ? [] : [next];
  }
  if (condition.kind !== 'threshold') return [];
  const standings: Standing[] = [];
  let standing = known ?? { state: 'ok', sinceUs: 0, value: null, dueUs: null };
  let newest = newestUs;
  for (const sample of watch.samples) {
    if (sample.atUs < newest || isLate(sample)) continue;
    newest = sample.atUs;
    const next = stepThreshold(condition, standing, sample);
    if (next !== standing) standings.push(next);
    standing = next;
  }
  return standings;
}
