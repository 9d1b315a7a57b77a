import type { Context } from 'hono';
import type { Clock } from '../platform/clock.ts';

interface StreamEvent {
  readonly name: string;
  readonly id?: string;
  readonly data: unknown;
}

/** Server-sent events to one viewer (WHATWG HTML, section 9.2). */
export interface EventStream {
  /** Sends events; a viewer that does not read as fast as they come is cut off, and resumes with `Last-Event-ID`. */
  send(...events: readonly StreamEvent[]): void;
  /** Ends the stream; an EventSource comes back by itself, and is authenticated then. */
  end(): void;
  /** Aborted when the viewer is gone or the stream has ended. */
  readonly signal: AbortSignal;
}

/** Shorter than the time after which Bun, and most proxies, end a connection that says nothing. */
const HEARTBEAT_MS = 15_000;
/** Credentials are checked when a stream begins: it ends after that, and the viewer comes back by itself. */
const LIFE_MS = 300_000;
const RETRY_MS = 2_000;
/** What waits for one viewer, beyond the events that are sent at once. */
const MAX_WAITING_BYTES = 1024 * 1024;

export interface EventStreamDeps {
  readonly clock: Clock;
  /** Aborted when the server stops, which would otherwise wait for viewers to leave. */
  readonly stopping: AbortSignal;
}

/** Answers with a stream of events that `begin` sends, until the viewer leaves. */
export function eventStream(
  c: Context,
  { clock, stopping }: EventStreamDeps,
  begin: (stream: EventStream) => void,
): Response {
  c.header('Content-Type', 'text/event-stream');
  c.header('Cache-Control', 'no-store');
  c.header('X-Accel-Buffering', 'no');
  // Nobody would read it, nor end it.
  if (c.req.method === 'HEAD') return c.body(null);
  const ended = new AbortController();
  const encoder = new TextEncoder();
  let end = () => {};
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const write = (text: string) => {
          if (ended.signal.aborted) return;
          if ((controller.desiredSize ?? 0) <= 0) return end();
          controller.enqueue(encoder.encode(text));
        };
        const heartbeat = clock.setTicker(() => write(':\n\n'), HEARTBEAT_MS);
        const life = clock.setTimer(() => end(), LIFE_MS);
        end = () => {
          if (ended.signal.aborted) return;
          ended.abort();
          heartbeat.cancel();
          life.cancel();
          stopping.removeEventListener('abort', end);
          // Closed already where the viewer has left.
          if (controller.desiredSize !== null) controller.close();
        };
        stopping.addEventListener('abort', end, { once: true });
        write(`retry: ${RETRY_MS}\n\n`);
        begin({
          signal: ended.signal,
          send: (...events) => write(events.map(toText).join('')),
          end: () => end(),
        });
      },
      cancel() {
        end();
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: MAX_WAITING_BYTES }),
  );
  c.req.raw.signal.addEventListener('abort', () => end(), { once: true });
  return c.body(body);
}

function toText({ name, id, data }: StreamEvent): string {
  return `event: ${name}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;
}
