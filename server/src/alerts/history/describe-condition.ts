import type { AlertCondition } from '../../../contract/api/alert-rules.ts';

/** What is the case when a condition is met, in one sentence. */
export function describeCondition(condition: AlertCondition, value: number | null): string {
  switch (condition.kind) {
    case 'threshold': {
      const { field, direction, value: limit, forSeconds } = condition;
      if (forSeconds === 0) return `${field} is ${value}, ${direction} ${limit}.`;
      return `${field} has been ${direction} ${limit} for ${inWords(forSeconds)}; it was ${value} when that began.`;
    }
    case 'missing': {
      const what = condition.field === undefined ? 'record' : `record with ${condition.field}`;
      return `No ${what} was received for ${inWords(condition.seconds)}.`;
    }
    case 'offline':
      return `Offline for more than ${inWords(condition.seconds)}.`;
    case 'flapping':
      return `${value} sessions began within ${inWords(condition.minutes * 60)}.`;
    case 'lost':
      return `${value} ${value === 1 ? 'record was' : 'records were'} lost within ${inWords(condition.minutes * 60)}.`;
  }
}

const UNITS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
] as const;

function inWords(seconds: number): string {
  const [unit, size] = UNITS.find(([, each]) => seconds >= each && seconds % each === 0) ?? ['second', 1];
  const count = seconds / size;
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
