import { z } from 'zod';
import { commandStates } from '../roles.ts';
import { plainText } from '../text.ts';
import { deviceId } from '../uuid.ts';
import { devicePath } from './devices.ts';
import { pageLimit, pageOf } from './page.ts';

/** A day. */
const DEFAULT_EXPIRY_SECONDS = 86_400;
const MAX_EXPIRY_SECONDS = 7 * 86_400;
/** Shorter than the limit of a request. */
const MAX_WAIT_SECONDS = 25;

const arguments_ = z.record(z.string(), z.unknown());
const time = z.iso.datetime();

/** What an operator asks for. */
export const commandRequest = z.strictObject({
  c: plainText(64).min(1).describe('Name of the command'),
  a: arguments_.optional().describe('Arguments; the message to the device has at most 2,048 bytes'),
  expiry: z
    .int()
    .min(1)
    .max(MAX_EXPIRY_SECONDS)
    .default(DEFAULT_EXPIRY_SECONDS)
    .describe('Seconds for which the device may answer; a day unless given'),
});

export const commandHeaders = z.object({
  'idempotency-key': plainText(128)
    .min(1)
    .optional()
    .describe('A request that is repeated with the same key answers the command of the first one'),
});

export const commandWait = z.object({
  wait: z.coerce
    .number()
    .int()
    .min(0)
    .max(MAX_WAIT_SECONDS)
    .default(0)
    .describe('Seconds to wait for the reply before answering'),
});

export const commandPath = devicePath.extend({ command: plainText(64).min(1) });

export const commandQuery = z.object({
  state: z.enum(commandStates).optional(),
  limit: pageLimit,
});

export const commandAnswer = z
  .object({
    id: z.string().describe('`i` of the message'),
    device: deviceId,
    group: z.string().nullable().describe('Id of the command group that it belongs to'),
    c: z.string(),
    a: arguments_.nullable(),
    state: z
      .enum(commandStates)
      .describe(
        'queued: not taken by the broker yet; sent: repeated until answered; done, failed: as the device replied',
      ),
    createdBy: z.string(),
    createdAt: time,
    expiresAt: time,
    attempts: z.int().describe('How often it was published; above 0 the device may have executed it'),
    sentAt: time.nullable().describe('When the broker first took it for the device'),
    repliedAt: time.nullable().describe('Of an expired or cancelled command: the reply came late'),
    finishedAt: time.nullable(),
    replies: z.int(),
    result: z.unknown().describe('`r` of the first reply'),
    error: z.string().nullable().describe('`m` of the first reply, or why it was not sent'),
  })
  .meta({ id: 'Command' });

export const commandPage = pageOf(commandAnswer);

export type CommandRequest = z.output<typeof commandRequest>;
export type CommandAnswer = z.output<typeof commandAnswer>;
