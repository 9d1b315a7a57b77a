import type { ReconcileReport } from '../../contract/api/broker.ts';

export type FleetDifferences = ReconcileReport['fleet'];
/** The differences of a run under way. */
export type FleetCounts = { -readonly [K in keyof FleetDifferences]: number };

export const NO_FLEET_DIFFERENCES: FleetDifferences = {
  rulesAdded: 0,
  rulesReplaced: 0,
  rulesRemoved: 0,
  bansAdded: 0,
  bansLifted: 0,
  sessionsEnded: 0,
};

/** Whether a run found anything that was not as it should be. */
export function foundDifferences(report: ReconcileReport): boolean {
  return report.differences.length > 0 || Object.values(report.fleet).some((number) => number > 0);
}
