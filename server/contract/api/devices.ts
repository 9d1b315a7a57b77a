import { z } from 'zod';
import { deviceStates } from '../roles.ts';
import { isPlain } from '../text.ts';
import { deviceId, deviceUuid } from '../uuid.ts';
import { receipt } from './broker.ts';
import { deviceName, deviceNotes, deviceRole, deviceTag, deviceTags } from './device-values.ts';
import { countedPageOf, pageLimit } from './page.ts';
import { FLAPPING_CONNECTS } from './presence.ts';

const MAX_SEARCH = 100;

/** A device as `/api/v1` answers it. Times are RFC 3339. */
export const deviceAnswer = z
  .object({
    id: deviceId,
    role: deviceRole,
    state: z.enum(deviceStates),
    generation: z
      .int()
      .describe('Raised by a rotation or restoration; tokens of older generations are invalid'),
    keyNumber: z
      .int()
      .describe('Raised by a rotation with `key=true`; the device key of an older number is invalid'),
    name: z.string(),
    notes: z.string(),
    tags: z.array(z.string()),
    master: deviceId.nullable().describe('The master that an agent is paired with; null for masters'),
    agents: z.int().nullable().describe('How many agents a master has; null for agents'),
    online: z.boolean(),
    connectedAt: z.iso.datetime().nullable().describe('When the current session began'),
    lastSeenAt: z.iso.datetime().nullable(),
    createdAt: z.iso.datetime(),
    version: z.int().describe('Incremented by every change by operators or pairing; the entity tag'),
  })
  .meta({ id: 'Device' });

export const devicePage = countedPageOf(deviceAnswer).meta({ id: 'DevicePage' });

/** How many devices of a filter there are, and how they are. */
export const deviceSummary = z
  .object({
    total: z.int(),
    active: z.int(),
    pending: z.int().describe('Wait for approval'),
    revoked: z.int(),
    online: z.int().describe('Active devices with a session on the broker'),
    offline: z.int().describe('Active devices without one'),
    neverSeen: z.int().describe('Active devices that have not connected yet'),
    masters: z.int(),
    agents: z.int(),
    unpairedAgents: z.int(),
    flapping: z.int().describe(`${FLAPPING_CONNECTS} or more sessions began in the last 10 minutes`),
  })
  .meta({ id: 'DeviceSummary' });

/** What every change of a device that concerns the broker answers. */
export const changeAnswer = z.object({ device: deviceAnswer, receipt });

const credentials = z.enum(['tokens', 'key']);

/** What rotating a device answers. */
export const rotationAnswer = changeAnswer.extend({
  replaced: z
    .array(credentials)
    .describe('The credentials that were replaced: always the tokens, the key on demand'),
});

/** The query parameters of a rotation. */
export const rotationQuery = z.strictObject({
  key: z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .optional()
    .describe('Whether to replace the device key as well'),
});

/** What removing a device answers. */
export const removalAnswer = z.object({ removed: deviceId, receipt });

/** The path parameter of every route of one device. */
export const devicePath = z.object({ id: deviceUuid });

/** The query parameters that choose devices, of lists and of the export alike. */
export const deviceFilter = z.object({
  q: z
    .string()
    .normalize('NFC')
    .trim()
    .max(MAX_SEARCH)
    .refine(isPlain, 'must not contain control characters')
    .optional()
    .describe('Start of a UUID, or part of a name, case-insensitive'),
  role: deviceRole.optional(),
  state: z.enum(deviceStates).optional(),
  online: z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .optional(),
  master: z
    .union([z.literal('none'), deviceUuid])
    .optional()
    .describe('UUID of a master: its agents; `none`: unpaired agents'),
  tag: deviceTag.optional(),
  flapping: z
    .literal('true')
    .transform(() => true)
    .optional()
    .describe(`${FLAPPING_CONNECTS} or more sessions began in the last 10 minutes`),
});

export const deviceSort = z.enum(['createdAt', 'name', 'lastSeenAt']);
export const sortOrder = z.enum(['asc', 'desc']);

/** The query parameters of the list of devices, but for the cursor. */
export const deviceListQuery = deviceFilter.extend({
  sort: deviceSort.default('createdAt').describe('Devices never seen come last in either order'),
  order: sortOrder.default('asc'),
  limit: pageLimit,
});

/** A device to be registered before it first asks for a token. */
export const registration = z.strictObject({
  id: deviceUuid,
  role: deviceRole,
  name: deviceName.optional(),
  notes: deviceNotes.optional(),
  tags: deviceTags.optional(),
});

/** What an operator may write about a device; what is left out stays as it is. */
export const deviceEdit = z.strictObject({
  name: deviceName.optional(),
  notes: deviceNotes.optional(),
  tags: deviceTags.optional(),
});

/** The master to pair an agent with. */
export const pairing = z.strictObject({ master: deviceUuid });

/** What the library takes as its host (`SMSERVER_HOST_BYTES`), of characters that a C string takes as they are. */
export const sketchHost = z
  .string()
  .max(95)
  .regex(/^(https?:\/\/)?[A-Za-z0-9.[\]:_-]+$/, 'must be a host, with scheme and port if need be');

const MAX_KEY_NUMBER = 2 ** 31 - 1;

/** What to compute a key for, beside the device's id. */
export const keyRequest = z.strictObject({
  role: deviceRole.optional().describe('Required if the device does not exist yet'),
  keyNumber: z
    .int()
    .min(0)
    .max(MAX_KEY_NUMBER)
    .optional()
    .describe(
      'Of a key that is not the current one, such as the next, to prepare a device before the rotation',
    ),
  host: sketchHost.optional().describe('The host devices connect to; by default the address of this request'),
});

export const keyAnswer = z.object({
  id: deviceId,
  role: deviceRole,
  keyNumber: z.int().describe('The number that the key was derived with'),
  key: z.string().describe('The device key: valid for this device only'),
  header: z.string().describe('A header file for the sketch, with host, UUID and key'),
});

const importedLine = z.object({
  line: z.int().describe('The line on which the record begins, from 1'),
  id: z.string().nullable().describe('Null if the line has no valid UUID'),
  status: z.enum(['created', 'exists', 'error']),
  reason: z
    .string()
    .optional()
    .describe('Why the line failed or was not paired, or how an existing device differs'),
  paired: z
    .boolean()
    .optional()
    .describe('Whether the device is paired as its line says, if that names a master'),
});

/** What became of each line of an import. */
export const importReport = z.object({
  created: z.int(),
  existing: z.int(),
  errors: z.int(),
  paired: z.int().describe('Agents that were paired'),
  ignoredColumns: z.array(z.string()),
  lines: z.array(importedLine),
  receipt: receipt.describe('Of all pairings together'),
});

export type Device = z.output<typeof deviceAnswer>;
export type DeviceSummary = z.output<typeof deviceSummary>;
export type ChangeAnswer = z.output<typeof changeAnswer>;
export type Credentials = z.output<typeof credentials>;
export type Removal = z.output<typeof removalAnswer>;
export type DeviceFilter = z.output<typeof deviceFilter>;
export type Registration = z.output<typeof registration>;
export type DeviceEdit = z.output<typeof deviceEdit>;
export type KeyRequest = z.output<typeof keyRequest>;
export type KeyAnswer = z.output<typeof keyAnswer>;
export type ImportReport = z.output<typeof importReport>;
export type ImportedLine = z.output<typeof importedLine>;
