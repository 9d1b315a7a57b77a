import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useSyncExternalStore } from 'react';

/** How often what changes by itself is asked for again while its page is visible. */
export const POLL_MS = 3_000;

const STREAMED_POLL_MS = 30_000;
const SETTLE_MS = 400;

/** Whether the records of the device on the screen come by the event stream. */
let streaming = false;
const listeners = new Set<() => void>();

/**
 * Follows the records of a device by the server's event stream while the page is visible; a hidden page gives its connection
 * back, for a browser has only six of them per server. The browser reconnects a stream that ended by itself.
 */
export function useLiveRecords(id: string): void {
  const client = useQueryClient();
  useEffect(() => {
    let source: EventSource | undefined;
    let pending: ReturnType<typeof setTimeout> | undefined;
    // Records that come together are read together.
    const refresh = () => {
      pending ??= setTimeout(() => {
        pending = undefined;
        void client.invalidateQueries({ queryKey: ['latest', id] });
      }, SETTLE_MS);
    };
    const close = () => {
      source?.close();
      source = undefined;
      report(false);
    };
    const follow = () => {
      close();
      if (document.hidden) return;
      source = new EventSource(`/api/v1/devices/${id}/telemetry/live`);
      source.onopen = () => report(true);
      source.onerror = () => report(false);
      source.addEventListener('record', refresh);
      source.addEventListener('gap', refresh);
    };
    follow();
    document.addEventListener('visibilitychange', follow);
    return () => {
      document.removeEventListener('visibilitychange', follow);
      clearTimeout(pending);
      close();
    };
  }, [client, id]);
}

/** How often records are asked for again: seldom while the event stream tells of them. */
export function useRecordPoll(): number {
  return useSyncExternalStore(subscribe, () => streaming) ? STREAMED_POLL_MS : POLL_MS;
}

function report(now: boolean): void {
  if (now === streaming) return;
  streaming = now;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
