import type { Context, MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { AppError } from '../platform/errors.ts';
import type { AppEnv } from './device-answer.ts';

/** The largest body of all, which is read as it arrives; the listener has to take as much. */
export const MAX_TELEMETRY_BYTES = 1024 * 1024 * 1024;
/** Old records of a device. */
const TELEMETRY_IMPORT = /\/devices\/[^/]+\/telemetry\/import$/;
const TELEMETRY_TYPES = ['text/csv', 'application/x-ndjson'];
const MAX_CSV_BYTES = 4 * 1024 * 1024;
const MAX_JSON_BYTES = 64 * 1024;
/** The route that takes thousands of UUIDs. */
const GROUPS = /\/command-groups$/;
const MAX_GROUP_BYTES = 512 * 1024;
/** The route that takes a table of devices. */
const IMPORT = /\/devices\/import$/;
const BODILESS = /^(GET|HEAD)$/;

/**
 * Takes bodies of JSON up to 64 KiB (512 KiB for a command group), or CSV up to 4 MiB for devices, or old
 * records up to 1 GiB, and nothing else. A page of another origin cannot send either
 * without a preflight, which this server answers to nobody.
 */
export const limitBody: MiddlewareHandler<AppEnv> = async (c, next) => {
  const mediaType = mediaTypeOf(c);
  const isImport = IMPORT.test(c.req.path);
  const expected = expectedTypes(c.req.path);
  if (!expected.includes(mediaType ?? '') && hasBody(c.req.raw)) {
    throw new AppError('unsupported_media_type', `Send the body as ${expected.join(' or ')}.`);
  }
  // Counted as it is read.
  if (takesLong(c.req.path)) return await next();
  if (isImport) return limitCsv(c, next);
  // A client that names the type of every body, and sends none where all of it is optional.
  if (mediaType === 'application/json' && !hasBody(c.req.raw) && !BODILESS.test(c.req.method)) {
    c.req.raw = new Request(c.req.raw, { body: '{}' });
  }
  return GROUPS.test(c.req.path) ? limitGroups(c, next) : limitJson(c, next);
};

/** Whether a request of this path takes as long as its body. */
function takesLong(path: string): boolean {
  return TELEMETRY_IMPORT.test(path);
}

/** Whether a route ends by limits of its own, with a report of what was done. */
export function limitsItself(path: string): boolean {
  return takesLong(path) || /\/devices\/(import|actions|keys)$/.test(path);
}

/** The type of the body, without its parameters. */
export function mediaTypeOf(c: Context): string | undefined {
  return c.req.header('content-type')?.split(';')[0]?.trim().toLowerCase();
}

function expectedTypes(path: string): readonly string[] {
  if (takesLong(path)) return TELEMETRY_TYPES;
  return [IMPORT.test(path) ? 'text/csv' : 'application/json'];
}

const limitJson = limit(MAX_JSON_BYTES);
const limitGroups = limit(MAX_GROUP_BYTES);
const limitCsv = limit(MAX_CSV_BYTES);

function limit(maxBytes: number): MiddlewareHandler<AppEnv> {
  return bodyLimit({
    maxSize: maxBytes,
    onError: () => {
      throw new AppError('payload_too_large', `A body of this type must not exceed ${maxBytes} bytes.`);
    },
  });
}

function hasBody(request: Request): boolean {
  const length = request.headers.get('content-length');
  return request.headers.has('transfer-encoding') || (length !== null && length !== '0');
}
