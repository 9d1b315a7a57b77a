export type EventName = (typeof NAMES)[number];

/** What becomes of the stream. */
export interface StreamListener {
  onEvent(name: EventName, data: string): void;
  /** It is told from now on what changes; what changed before is not known. */
  onStart(): void;
  onOpenChange(isOpen: boolean): void;
}

export interface FleetStream {
  /** Whose newest values are told. */
  name(devices: readonly string[]): void;
  close(): void;
}

const NAMES = ['presence', 'device', 'command', 'alert', 'telemetry', 'reset'] as const;
const MAX_NAMED = 100;
const RENAME_MS = 150;
/** The new stream begins where the server looked last, which the old one may not have told yet. */
const OVERLAP_MS = 2_500;
/** A browser gives up on an answer that is no stream, such as 503. */
const AGAIN_MS = 5_000;

/**
 * One event stream for the whole application: while its page is visible, for a browser has six connections per server. When
 * other devices are named, a new stream takes over while the old one is still open, so that nothing is missed.
 */
export function openFleetStream(listener: StreamListener): FleetStream {
  let source: EventSource | undefined;
  let isStarted = false;
  /** Tells until `source` has started, which takes over from it. */
  let former: EventSource | undefined;
  let named: readonly string[] = [];
  let asked = '';
  let renaming: ReturnType<typeof setTimeout> | undefined;
  let again: ReturnType<typeof setTimeout> | undefined;

  function connect(): void {
    clearTimeout(again);
    // One that has not started is given up: the next takes over from the same that it was to take over from.
    if (isStarted && source?.readyState === EventSource.OPEN) former = source;
    else source?.close();
    asked = named.join(',');
    const opened = new EventSource(`/api/v1/events${asked && `?device=${asked}`}`);
    source = opened;
    isStarted = false;
    opened.onopen = () => source === opened && listener.onOpenChange(true);
    opened.onerror = () => {
      if (source !== opened) return;
      closeFormer();
      listener.onOpenChange(false);
      if (opened.readyState === EventSource.CLOSED) again = setTimeout(connect, AGAIN_MS);
    };
    for (const name of NAMES) {
      opened.addEventListener(name, ({ data }: MessageEvent<string>) => {
        if (name !== 'reset') return listener.onEvent(name, data);
        if (source === opened) start();
      });
    }
  }

  function start(): void {
    isStarted = true;
    const before = former;
    former = undefined;
    if (before?.readyState === EventSource.OPEN) {
      setTimeout(() => before.close(), OVERLAP_MS);
      return;
    }
    before?.close();
    listener.onStart();
  }

  function closeFormer(): void {
    former?.close();
    former = undefined;
  }

  function disconnect(): void {
    clearTimeout(again);
    closeFormer();
    source?.close();
    source = undefined;
    isStarted = false;
    listener.onOpenChange(false);
  }

  const follow = () => (document.hidden ? disconnect() : connect());
  document.addEventListener('visibilitychange', follow);
  follow();

  return {
    name(devices) {
      named = [...new Set(devices)].sort().slice(0, MAX_NAMED);
      clearTimeout(renaming);
      renaming = setTimeout(() => {
        if (source && named.join(',') !== asked) connect();
      }, RENAME_MS);
    },
    close() {
      document.removeEventListener('visibilitychange', follow);
      clearTimeout(renaming);
      disconnect();
    },
  };
}
