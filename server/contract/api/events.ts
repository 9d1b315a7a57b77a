import { z } from 'zod';
import { commandStates, deviceRoles, deviceStates } from '../roles.ts';
import { deviceId, deviceUuid } from '../uuid.ts';
import { alert } from './alerts.ts';

/** Devices whose values one stream may name. */
const MAX_NAMED_DEVICES = 100;

const time = z.iso.datetime();

export const eventKinds = ['presence', 'device', 'command', 'alert'] as const;

const list = z.string().transform((text) => text.split(','));

export const eventsQuery = z.object({
  kinds: list
    .pipe(z.array(z.enum(eventKinds)))
    .optional()
    .describe(`Kinds of events, separated by commas: ${eventKinds.join(', ')}; all unless given`),
  device: list
    .pipe(z.array(deviceUuid).max(MAX_NAMED_DEVICES))
    .optional()
    .describe('UUIDs of devices whose values are sent, separated by commas'),
  values: z
    .enum(['true', 'false'])
    .default('false')
    .describe('true: the values of all devices are sent, at most 500 devices each second'),
});

/** First of every stream, and again when changes could not be told one by one: read lists again. */
const resetEvent = z
  .object({
    reason: z
      .enum(['started', 'expired', 'too_many'])
      .describe(
        'started: nothing before this is told; expired: the place of `Last-Event-ID` is gone; too_many: more than 1,000 changes at once',
      ),
  })
  .meta({ id: 'ResetEvent' });

export const presenceEvent = z
  .object({
    device: deviceId,
    online: z.boolean(),
    at: time.describe('Since when, as far as the broker tells'),
  })
  .meta({ id: 'PresenceEvent' });

export const deviceEvent = z
  .object({
    device: deviceId,
    state: z.enum([...deviceStates, 'deleted']),
    role: z.enum(deviceRoles).nullable().describe('null: deleted'),
    name: z.string().nullable().describe('null: deleted'),
    version: z.int().nullable().describe('As the entity tag of the device; null: deleted'),
  })
  .meta({ id: 'DeviceEvent' });

export const commandEvent = z
  .object({
    device: deviceId,
    command: z.string().describe('Its id'),
    c: z.string(),
    group: z.string().nullable().describe('Id of the command group that it belongs to'),
    state: z.enum(commandStates),
    error: z.string().nullable(),
    at: time.describe('When it came into this state'),
  })
  .meta({ id: 'CommandEvent' });

/** The newest record of a device, at most once a second. Not resumed: a stream begins with those of the named devices. */
export const telemetryEvent = z
  .object({
    device: deviceId,
    at: time.describe('When it was measured'),
    received: time.describe('When it arrived, to the microsecond'),
    data: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'TelemetryEvent' });

/** `data` by the name of the event. */
export const fleetEvents = {
  reset: resetEvent,
  presence: presenceEvent,
  device: deviceEvent,
  command: commandEvent,
  alert,
  telemetry: telemetryEvent,
} as const;

export type PresenceEvent = z.output<typeof presenceEvent>;
export type DeviceEvent = z.output<typeof deviceEvent>;
export type CommandEvent = z.output<typeof commandEvent>;
export type TelemetryEvent = z.output<typeof telemetryEvent>;
