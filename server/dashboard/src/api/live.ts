import { type QueryClient, useQueryClient } from '@tanstack/react-query';
import { useEffect, useSyncExternalStore } from 'react';

const EVENTS = '/api/v1/events';
const SETTLE_MS = 250;
const SLOW_POLL_MS = 60_000;

/** Whether the event stream is open. Without one the pages ask again every few seconds. */
let streaming = false;
const listeners = new Set<() => void>();

/**
 * Keeps what is on the screen current by the server's event stream while the page is visible; a hidden page gives its
 * connection back, for a browser has only six of them per server.
 */
export function useLiveUpdates(signedIn: boolean): void {
  const client = useQueryClient();
  useEffect(() => {
    if (!signedIn) return;
    let source: EventSource | undefined;
    const close = () => {
      source?.close();
      source = undefined;
      report(false);
    };
    const follow = () => {
      close();
      if (!document.hidden) source = openStream(client);
    };
    follow();
    document.addEventListener('visibilitychange', follow);
    return () => {
      document.removeEventListener('visibilitychange', follow);
      close();
    };
  }, [client, signedIn]);
}

/** How often a query asks again: `ms` while there is no event stream to tell of changes. */
export function usePoll(ms: number): number {
  return useSyncExternalStore(subscribe, () => streaming) ? SLOW_POLL_MS : ms;
}

/** A browser reconnects a stream that broke by itself, and gives up on one that the server refuses. */
function openStream(client: QueryClient): EventSource {
  const source = new EventSource(EVENTS);
  const refresh = gather(client);
  source.onopen = () => report(true);
  source.onerror = () => report(false);
  for (const [event, keys] of Object.entries(AFFECTED)) source.addEventListener(event, () => refresh(keys));
  return source;
}

/** The queries that an event makes stale, by the first part of their key. */
const AFFECTED: Readonly<Record<string, readonly string[]>> = {
  presence: ['devices', 'device', 'summary', 'timeline', 'diagnosis'],
  device: ['devices', 'device', 'summary', 'timeline', 'diagnosis', 'audit'],
  pending: ['devices', 'device', 'summary'],
  latest: ['latest'],
  command: ['commands', 'timeline'],
  alert: ['alerts', 'timeline'],
  audit: ['audit'],
};

/** A burst of events refreshes each query once. */
function gather(client: QueryClient): (keys: readonly string[]) => void {
  const pending = new Set<string>();
  return (keys) => {
    const isFirst = pending.size === 0;
    for (const key of keys) pending.add(key);
    if (!isFirst) return;
    setTimeout(() => {
      for (const key of pending) void client.invalidateQueries({ queryKey: [key] });
      pending.clear();
    }, SETTLE_MS);
  };
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
