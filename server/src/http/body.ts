import type { Context, MiddlewareHandler } from 'hono';
import type { Clock } from '../platform/clock.ts';
import { withDeadline } from '../platform/deadline.ts';
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
/** A client that sends nothing for so long is gone. Shorter than the limit of a request, so that the answer says why. */
const SILENCE_MS = 25_000;
const INCOMPLETE = 'bad_request';
/** How long an admission holds while a body arrives. */
const ADMITTED_MS = 1_000;

interface BodyDeps<E extends AppEnv> {
  readonly clock: Clock;
  /** Throws where the sender may not make the request any more: a body can be held back until their rights are gone. */
  readonly admit?: (c: Context<E>) => Promise<void>;
}

/**
 * Takes bodies of JSON up to 64 KiB (512 KiB for a command group), or CSV up to 4 MiB for devices, or old
 * records up to 1 GiB, and nothing else. A page of another origin cannot send either
 * without a preflight, which this server answers to nobody. Old records are passed on as they arrive; behind this, every other
 * body is complete, and its sender was admitted again since.
 */
export function receiveBody<E extends AppEnv>({ clock, admit }: BodyDeps<E>): MiddlewareHandler<E> {
  return async (c, next) => {
    const mediaType = mediaTypeOf(c);
    const expected = expectedTypes(c.req.path);
    const { body } = c.req.raw;
    if (!expected.includes(mediaType ?? '') && hasBody(c.req.raw)) {
      throw new AppError('unsupported_media_type', `Send the body as ${expected.join(' or ')}.`);
    }
    // A client that names the type of every body, and sends none where all of it is optional.
    const isJson = mediaType === 'application/json' && expected.includes(mediaType);
    if (isJson && !hasBody(c.req.raw) && !BODILESS.test(c.req.method)) {
      c.req.raw = new Request(c.req.raw, { body: '{}' });
      return await next();
    }
    if (!body) return await next();

    let fault: unknown;
    const pieces = arriving(body, clock, clock.monotonic(), async () => await admit?.(c));
    try {
      const received = takesLong(c.req.path)
        ? streamOf(pieces, (error) => {
            fault = error;
          })
        : await allOf(pieces, c.req.raw, maxBytes(c.req.path));
      c.req.raw = new Request(c.req.raw, { body: received });
    } catch (error) {
      // Whoever sends too much may read its answer once all is sent; of others nothing more is taken.
      if (!(error instanceof AppError && error.code === 'payload_too_large')) c.header('Connection', 'close');
      throw error;
    }
    await next();
    if (!(fault instanceof AppError)) return;
    c.header('Connection', 'close');
    // The handler saw its stream break off, which is its own to answer, but not why the sender was refused.
    if (fault.code !== INCOMPLETE) throw fault;
  };
}

/** Whether a request of this path takes as long as its body. */
function takesLong(path: string): boolean {
  return TELEMETRY_IMPORT.test(path);
}

/** Whether a request ends by limits of its own, with a report of what was done. All of these require the admin role. */
export function limitsItself(c: Context): boolean {
  const { method, path } = c.req;
  return method === 'POST' && (takesLong(path) || /\/devices\/(import|actions|keys)$/.test(path));
}

/** The type of the body, without its parameters. */
export function mediaTypeOf(c: Context): string | undefined {
  return c.req.header('content-type')?.split(';')[0]?.trim().toLowerCase();
}

function expectedTypes(path: string): readonly string[] {
  if (takesLong(path)) return TELEMETRY_TYPES;
  return [IMPORT.test(path) ? 'text/csv' : 'application/json'];
}

function maxBytes(path: string): number {
  if (IMPORT.test(path)) return MAX_CSV_BYTES;
  return GROUPS.test(path) ? MAX_GROUP_BYTES : MAX_JSON_BYTES;
}

/** The pieces of a body as they arrive. Its sender was admitted at `admittedAt`, and is again every second and before its end is told. */
async function* arriving(
  body: ReadableStream<Uint8Array>,
  clock: Clock,
  admittedAt: number,
  admit: () => Promise<void>,
): AsyncGenerator<Uint8Array, undefined> {
  const reader = body.getReader();
  let lastAdmittedAt = admittedAt;
  try {
    for (;;) {
      const { done, value } = await withDeadline(clock, SILENCE_MS, reader.read(), 'the body').catch(
        brokenOff,
      );
      if (done || clock.monotonic() - lastAdmittedAt >= ADMITTED_MS) {
        await admit();
        lastAdmittedAt = clock.monotonic();
      }
      if (done) return;
      yield value;
    }
  } finally {
    void reader.cancel().catch(() => {});
  }
}

function brokenOff(error: unknown): never {
  if (!(error instanceof AppError)) throw error;
  throw new AppError(INCOMPLETE, `The request is incomplete: nothing came for ${SILENCE_MS / 1_000} s.`);
}

async function allOf(
  pieces: AsyncIterable<Uint8Array>,
  request: Request,
  limitBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = () =>
    new AppError('payload_too_large', `A body of this type must not exceed ${limitBytes} bytes.`);
  if (Number(request.headers.get('content-length') ?? 0) > limitBytes) throw tooLarge();
  const received: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of pieces) {
    bytes += piece.length;
    if (bytes > limitBytes) throw tooLarge();
    received.push(piece);
  }
  return Buffer.concat(received);
}

/** A sender is read no faster than the stream is. */
function streamOf(
  pieces: AsyncGenerator<Uint8Array, undefined>,
  onFault: (error: unknown) => void,
): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await pieces.next();
          if (done) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          onFault(error);
          throw error;
        }
      },
      cancel() {
        void pieces.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}

function hasBody(request: Request): boolean {
  const length = request.headers.get('content-length');
  return request.headers.has('transfer-encoding') || (length !== null && length !== '0');
}
