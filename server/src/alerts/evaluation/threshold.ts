import type { AlertCondition } from '../../../contract/api/alert-rules.ts';
import type { Standing } from './standing.ts';

export type Threshold = Extract<AlertCondition, { readonly kind: 'threshold' }>;

/** A value as it arrived. Times are Unix microseconds. */
export interface Sample {
  readonly atUs: number;
  readonly receivedUs: number;
  readonly value: number;
}

/** A record that was measured earlier than this before its receipt is late and moves nothing. */
const LATE_US = 5 * 60_000_000;

export function isLate({ atUs, receivedUs }: Sample): boolean {
  return receivedUs - atUs > LATE_US;
}

/** How a threshold stands after a value; the same object where that changes nothing. */
export function stepThreshold(condition: Threshold, known: Standing, sample: Sample): Standing {
  const { value } = sample;
  const sinceUs = Math.min(sample.atUs, sample.receivedUs);
  const ok: Standing = { state: 'ok', sinceUs, value, dueUs: null };
  switch (known.state) {
    case 'firing':
      return isBack(condition, value) ? ok : known;
    case 'pending':
      return isBeyond(condition, value) ? known : ok;
    case 'ok':
      if (!isBeyond(condition, value)) return known;
      return condition.forSeconds === 0
        ? { ...ok, state: 'firing' }
        : { ...ok, state: 'pending', dueUs: sinceUs + condition.forSeconds * 1_000_000 };
  }
}

function isBeyond({ direction, value: limit }: Threshold, value: number): boolean {
  return direction === 'above' ? value > limit : value < limit;
}

function isBack({ direction, value: limit, clear = limit }: Threshold, value: number): boolean {
  return direction === 'above' ? value <= clear : value >= clear;
}
