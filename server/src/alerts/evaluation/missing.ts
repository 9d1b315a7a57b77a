import type { AlertCondition } from '../../../contract/api/alert-rules.ts';
import type { Standing } from './standing.ts';

export type Missing = Extract<AlertCondition, { readonly kind: 'missing' }>;

const MAX_SLACK_SECONDS = 60;

/**
 * How much later than its time data counts as missing. Receipts within it move no timer, so that not every record of a
 * fleet writes a row.
 */
export function slackSeconds({ seconds }: Missing): number {
  return Math.min(Math.max(1, Math.floor(seconds / 20)), MAX_SLACK_SECONDS);
}

/** How the watch for data stands after a record; the same object where that changes nothing. */
export function stepMissing(condition: Missing, known: Standing | undefined, receivedUs: number): Standing {
  const slackUs = slackSeconds(condition) * 1_000_000;
  const dueUs = receivedUs + condition.seconds * 1_000_000 + slackUs;
  if (known?.state !== 'ok') return { state: 'ok', sinceUs: receivedUs, value: null, dueUs };
  return dueUs - (known.dueUs ?? 0) < slackUs ? known : { ...known, dueUs };
}
