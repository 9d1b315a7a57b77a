import { isUtf8 } from 'node:buffer';
import { MAX_PAYLOAD_BYTES, recordNumber as numberSchema } from '../../../contract/messages.ts';

/** Why a payload cannot be stored. */
export type RejectReason =
  | 'too_large'
  | 'not_utf8'
  | 'not_json'
  | 'not_an_object'
  | 'too_deep'
  | 'bad_text'
  | 'bad_number'
  | 'refused_by_database';

/** A payload that can be stored: a JSON object, as the device wrote it. */
export interface JsonObject {
  /** The device's own text, which keeps the digits of its numbers. */
  readonly text: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** The number that a device gave a record: `b` of the boot and `n` in it. */
export interface RecordNumber {
  readonly boot: number;
  readonly n: number;
}

/** An object that holds an object that holds … */
const MAX_DEPTH = 16;
const DAY_US = 86_400_000_000;
const MAX_AGE_US = 7 * DAY_US;
/** How far ahead of its receipt a record may have been measured. */
export const MAX_AHEAD_SECONDS = 300;
const MAX_AHEAD_US = MAX_AHEAD_SECONDS * 1_000_000;
/** RFC 3339, with an offset. */
const RFC_3339 = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})$/;
/** Numbers that a double and PostgreSQL's `float8` might read differently: exponents, and more digits than a double has. */
const UNUSUAL_NUMBER = /\d[eE]|\d{100}/;
/** Objects or arrays in the object. */
const NESTED = /(?!^)[[{]/;

/** The JSON object that a payload holds, or why it cannot be stored. */
export function parseRecord(payload: Buffer): JsonObject | RejectReason {
  if (payload.length > MAX_PAYLOAD_BYTES) return 'too_large';
  if (!isUtf8(payload)) return 'not_utf8';
  const text = payload.toString('utf8');
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return 'not_json';
  }
  if (!isObject(body)) return 'not_an_object';
  const unusualNumber = UNUSUAL_NUMBER.test(text);
  // Only an escape stands for a NUL or half a character, and only such a number is infinite: most records hold none of it.
  const fault = unusualNumber || text.includes('\\u') || NESTED.test(text) ? faultOf(body) : undefined;
  if (fault) return fault;
  return { text: unusualNumber ? JSON.stringify(body) : text, body };
}

/** Both or neither: half a number, or one that is no whole number, identifies nothing. */
export function recordNumber(body: Readonly<Record<string, unknown>>): RecordNumber | undefined {
  if (body.b === undefined) return undefined;
  const parsed = numberSchema.safeParse(body);
  return parsed.success ? { boot: parsed.data.b, n: parsed.data.n } : undefined;
}

/**
 * When a record was measured, in Unix microseconds: its `ts` (Unix milliseconds or RFC 3339) if that is at most 7 days
 * before and 5 minutes after its receipt, else the time of receipt.
 */
export function recordTime({ ts }: Readonly<Record<string, unknown>>, receivedUs: number): number {
  const measuredUs = Math.round(toMilliseconds(ts) * 1_000);
  return measuredUs >= receivedUs - MAX_AGE_US && measuredUs <= receivedUs + MAX_AHEAD_US
    ? measuredUs
    : receivedUs;
}

function toMilliseconds(ts: unknown): number {
  if (typeof ts === 'number') return ts;
  return typeof ts === 'string' && RFC_3339.test(ts) ? Date.parse(ts) : Number.NaN;
}

/** What JSON allows and PostgreSQL's `jsonb` or `float8` does not. */
export function faultOf(body: Readonly<Record<string, unknown>>): RejectReason | undefined {
  return findFault(body, 1);
}

function findFault(value: unknown, depth: number): RejectReason | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : 'bad_number';
  if (typeof value === 'string') return isStorable(value) ? undefined : 'bad_text';
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth > MAX_DEPTH) return 'too_deep';
  if (Array.isArray(value)) {
    for (const entry of value) {
      const fault = findFault(entry, depth + 1);
      if (fault) return fault;
    }
    return undefined;
  }
  for (const [name, entry] of Object.entries(value)) {
    const fault = isStorable(name) ? findFault(entry, depth + 1) : 'bad_text';
    if (fault) return fault;
  }
  return undefined;
}

function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
