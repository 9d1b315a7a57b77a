import type { ReconcileReport } from '../../contract/api/broker.ts';

export type DeviceDifferences = ReconcileReport['devices'];
/** The differences of a run under way. */
export type DeviceCounts = { -readonly [K in keyof DeviceDifferences]: number };

export const NO_DEVICE_DIFFERENCES: DeviceDifferences = {
  rulesAdded: 0,
  rulesReplaced: 0,
  rulesRemoved: 0,
  bansAdded: 0,
  bansLifted: 0,
  sessionsEnded: 0,
  subscriptionsEnded: 0,
};

/** Whether a run found any difference. */
export function foundDifferences(report: ReconcileReport): boolean {
  return report.differences.length > 0 || Object.values(report.devices).some((number) => number > 0);
}
