import type { AlertCondition } from '../api/alerts.ts';
import { count } from '../format/number.ts';
import { wholeDuration } from '../format/whole-duration.ts';

export type AlertKind = AlertCondition['kind'];

export const KIND_NAMES: Readonly<Record<AlertKind, string>> = {
  threshold: 'Value beyond a limit',
  missing: 'No records',
  offline: 'Offline',
  flapping: 'Flapping',
  lost: 'Lost records',
};

/** `temperature above 30 for 5 minutes, until back at 28`. */
export function describeCondition(condition: AlertCondition): string {
  switch (condition.kind) {
    case 'threshold': {
      const { field, direction, value, clear, forSeconds } = condition;
      const lasting = forSeconds ? ` for ${wholeDuration(forSeconds)}` : '';
      const until = clear === undefined || clear === value ? '' : `, until back at ${clear}`;
      return `${field} ${direction} ${value}${lasting}${until}`;
    }
    case 'missing':
      return `no record${condition.field === undefined ? '' : ` with ${condition.field}`} for ${wholeDuration(condition.seconds)}`;
    case 'offline':
      return condition.seconds === 0
        ? 'offline'
        : `offline for more than ${wholeDuration(condition.seconds)}`;
    case 'flapping':
      return `${count(condition.connects)} or more sessions within ${wholeDuration(condition.minutes * 60)}`;
    case 'lost':
      return `${count(condition.count)} or more records lost within ${wholeDuration(condition.minutes * 60)}`;
  }
}
