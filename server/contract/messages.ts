import { z } from 'zod';

/** The largest payload that any topic takes, in bytes: telemetry's (docs/protocol.md, section 4). */
export const MAX_PAYLOAD_BYTES = 4_096;
export const MAX_ABOUT_BYTES = 2_048;
export const MAX_COMMAND_BYTES = 2_048;

/** The only two messages of the ping topics, as they are sent. */
export const PING = '{"c":"PING"}';
export const PONG = '{"c":"PONG"}';

/**
 * `b` and `n` of a numbered record: a random number per boot, and a count of its records. On the ack topic: every record of
 * boot `b` up to `n` is stored, or known to be lost for good.
 */
export const recordNumber = z.object({
  b: z.int().min(0).max(0xffff_ffff),
  n: z.int().min(0).max(0xffff_ffff),
});

/** What a device says about itself, once per session; all of it optional. */
export const about = z.object({
  fw: z.string().optional().describe('Version of the firmware'),
  board: z.string().optional(),
  lib: z.string().optional().describe('Version of the library'),
  reset: z.string().optional().describe('Why the device started'),
  f: z
    .record(z.string(), z.object({ u: z.string().optional(), k: z.string().optional() }))
    .optional()
    .describe('Fields of the records: unit and kind'),
  cmd: z
    .record(z.string(), z.record(z.string(), z.string()))
    .optional()
    .describe('Commands with their arguments'),
});

export const command = z.object({
  c: z.string().min(1).describe('Name of the command'),
  i: z.string().min(1).describe('Identifies the command; the same one again is not executed again'),
  a: z.record(z.string(), z.unknown()).optional().describe('Arguments'),
});

export const reply = z.discriminatedUnion('c', [
  z.object({ i: z.string(), c: z.literal('OK'), r: z.unknown().optional().describe('The result') }),
  z.object({ i: z.string(), c: z.literal('ERROR'), m: z.string().describe('Why') }),
]);

export type RecordNumber = z.output<typeof recordNumber>;
export type About = z.output<typeof about>;
export type Command = z.output<typeof command>;
export type Reply = z.output<typeof reply>;
