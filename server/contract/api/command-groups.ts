import { z } from 'zod';
import { commandStates } from '../roles.ts';
import { plainText } from '../text.ts';
import { deviceId, deviceUuid } from '../uuid.ts';
import { commandQuery, commandRequest } from './commands.ts';
import { deviceTag } from './device-values.ts';
import { pageLimit, pageOf } from './page.ts';

/** Devices of one group. */
export const MAX_GROUP_DEVICES = 10_000;
/** Refused devices that an answer names. */
export const MAX_REFUSED_NAMED = 1_000;

const time = z.iso.datetime();
const count = z.int();

const target = z.union([
  z.strictObject({ tag: deviceTag.describe('All devices with this tag') }),
  z.strictObject({ master: deviceUuid.describe('All agents that are paired with this master') }),
  z.strictObject({
    devices: z
      .array(deviceUuid)
      .min(1)
      .max(MAX_GROUP_DEVICES)
      .transform((ids) => [...new Set(ids)])
      .describe('These devices'),
  }),
]);

/** What an operator asks of many devices. */
export const commandGroupRequest = commandRequest.extend({ target });

export const commandGroupPath = z.object({ id: plainText(64).min(1) });

export const commandGroupQuery = z.object({ limit: pageLimit });
export const groupCommandQuery = commandQuery;

const refusalReasons = ['unknown', 'pending', 'revoked', 'queue_full'] as const;

export const commandGroup = z
  .object({
    id: z.string(),
    c: z.string(),
    target: z
      .object({
        tag: z.string().optional(),
        master: deviceId.optional(),
        devices: count.optional().describe('How many were named'),
      })
      .describe('As it was asked for'),
    createdBy: z.string(),
    createdAt: time,
    expiresAt: time,
    cancelledAt: time.nullable(),
    total: count.describe('Commands that were queued'),
    progress: z
      .object(Object.fromEntries(commandStates.map((state) => [state, count])) as Counts)
      .extend({ removed: count.describe('With their devices, or 90 days after they finished') })
      .describe('Commands by state'),
    finished: z.boolean().describe('None is queued or sent'),
    refusedTotal: count.describe('Devices that got no command'),
  })
  .meta({ id: 'CommandGroup' });

type Counts = Record<(typeof commandStates)[number], typeof count>;

export const commandGroupDetail = commandGroup
  .extend({
    refused: z
      .array(
        z.object({
          device: deviceId,
          reason: z
            .enum(refusalReasons)
            .describe('queue_full: it has 16 open commands; unknown, pending, revoked: it is not active'),
        }),
      )
      .describe(`The first ${MAX_REFUSED_NAMED}`),
  })
  .meta({ id: 'CommandGroupDetail' });

export const commandGroupPage = pageOf(commandGroup);

export const unknownReplyQuery = z.object({ limit: pageLimit });

export const unknownReplyPage = pageOf(
  z
    .object({
      device: deviceId,
      count: count.describe('Replies of the device that named no command of it'),
      lastAt: time,
      last: z.string().describe('The newest one, as it came'),
    })
    .meta({ id: 'UnknownReplies' }),
);

export type CommandGroupRequest = z.output<typeof commandGroupRequest>;
export type CommandGroup = z.output<typeof commandGroup>;
export type CommandGroupDetail = z.output<typeof commandGroupDetail>;
export type Refusal = CommandGroupDetail['refused'][number];
