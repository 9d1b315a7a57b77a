import { z } from 'zod';
import { plainText } from '../text.ts';
import { deviceId, deviceUuid } from '../uuid.ts';
import { receipt } from './broker.ts';
import { deviceRole, deviceTags } from './device-values.ts';
import { deviceAnswer } from './devices.ts';
import { problemDetails } from './problem.ts';

const MAX_IDS = 500;
const MAX_REASON = 500;

/** Why an operator does something; kept in the audit log. */
const reason = plainText(MAX_REASON).trim().min(1).describe('Kept in the audit log');

/** Which devices an action is for, without repetitions, in the order given. */
const ids = z
  .array(deviceUuid)
  .min(1)
  .max(MAX_IDS)
  .transform((given) => [...new Set(given)]);

/** The body of revoking a device, which may be left out. */
export const revocation = z.strictObject({ reason: reason.optional() }).optional();

/** One action for many devices. */
export const bulkAction = z.discriminatedUnion('action', [
  z.strictObject({ action: z.literal('approve'), ids }),
  z.strictObject({ action: z.literal('revoke'), ids, reason: reason.optional() }),
  z.strictObject({ action: z.literal('restore'), ids }),
  z.strictObject({
    action: z.literal('rotate'),
    ids,
    key: z.boolean().optional().describe('Whether to replace the device keys as well; false unless given'),
  }),
  z.strictObject({
    action: z.literal('tag'),
    ids,
    add: deviceTags.optional().describe('Tags that the devices get'),
    remove: deviceTags.optional().describe('Tags that are taken from them'),
  }),
  z.strictObject({ action: z.literal('pair'), ids, master: deviceUuid }),
  z.strictObject({ action: z.literal('unpair'), ids }),
]);

const bulkResult = z.object({
  id: deviceId,
  status: z
    .enum(['changed', 'unchanged', 'failed', 'skipped'])
    .describe('unchanged: it was as asked for already; skipped: the time for one request was up'),
  device: deviceAnswer.optional().describe('The device as it is now, unless it failed or was skipped'),
  problem: problemDetails
    .pick({ type: true, title: true, detail: true })
    .optional()
    .describe('Why it failed; `type` as in a failed request for this device alone'),
});

/** What became of each device of an action. */
export const bulkReport = z.object({
  changed: z.int(),
  unchanged: z.int(),
  failed: z.int(),
  skipped: z.int(),
  results: z.array(bulkResult).describe('In the order of `ids`'),
  receipt,
});

/** Which keys to compute. */
export const bulkKeys = z.strictObject({
  ids,
  role: deviceRole.optional().describe('Required if a device does not exist yet'),
});

export type BulkAction = z.output<typeof bulkAction>;
export type BulkReport = z.output<typeof bulkReport>;
export type BulkResult = z.output<typeof bulkResult>;
export type BulkKeys = z.output<typeof bulkKeys>;
