import { z } from 'zod';

const count = z.int();

/** What one run of the reconciliation found, and repaired unless it only inspected. */
export const reconcileReport = z.object({
  version: z.string().describe('Version of the broker'),
  differences: z
    .array(z.string())
    .describe('Settings that were not as they should be, in the order of repair'),
  devices: z
    .object({
      rulesAdded: count,
      rulesReplaced: count,
      rulesRemoved: count,
      bansAdded: count,
      bansLifted: count,
      sessionsEnded: count,
    })
    .describe('Differences in the rules of paired devices, in bans, and in sessions'),
  sessions: count.describe('Sessions of devices on the broker'),
  foreign: z
    .object({
      authenticators: z.array(z.string()),
      sources: z.array(z.string()),
      clientRules: count,
      bans: count,
    })
    .describe(
      'What the broker holds and the server did not create; it is left alone unless it opens the broker',
    ),
  warnings: z
    .array(z.string())
    .describe('Settings of the broker that are dangerous or not as the server expects'),
});

export type ReconcileReport = z.output<typeof reconcileReport>;
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
};

/** Whether a run found anything that was not as it should be. */
export function foundDifferences(report: ReconcileReport): boolean {
  return report.differences.length > 0 || Object.values(report.devices).some((number) => number > 0);
}
