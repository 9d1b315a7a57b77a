import { skipToken, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useSyncExternalStore } from 'react';
import type { TelemetryEvent } from '../../../contract/api/events.ts';
import { createEventApplier } from './apply-event.ts';
import { type FleetStream, openFleetStream } from './fleet-stream.ts';

/** How often what changes by itself is asked for again while its page is visible and nobody tells of it. */
export const POLL_MS = 3_000;

/** A stream that tells nothing wrong is trusted, but not forever. */
const STREAMED_POLL_MS = 30_000;

let streaming = false;
const listeners = new Set<() => void>();
let stream: FleetStream | undefined;
/** The devices that parts of the page want to know the values of. */
const wanted = new Map<symbol, readonly string[]>();

/** Follows the fleet by the server's event stream, for as long as somebody is signed in. */
export function useFleetEvents(): void {
  const client = useQueryClient();
  useEffect(() => {
    const applier = createEventApplier(client);
    const opened = openFleetStream({
      onEvent: applier.apply,
      onStart: () =>
        void client.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'session' }),
      onOpenChange(isOpen) {
        // Whether the server is away, or the session has ended, is soon known.
        if (streaming && !isOpen && !document.hidden) {
          void client.invalidateQueries({ queryKey: ['session'] });
        }
        report(isOpen);
      },
    });
    stream = opened;
    nameWanted();
    return () => {
      stream = undefined;
      opened.close();
      applier.close();
    };
  }, [client]);
}

/** Has the newest values of these devices told while the component is shown. */
export function useLiveRecords(ids: readonly string[]): void {
  const key = ids.join(',');
  useEffect(() => {
    const owner = Symbol();
    wanted.set(owner, key === '' ? [] : key.split(','));
    nameWanted();
    return () => {
      wanted.delete(owner);
      nameWanted();
    };
  }, [key]);
}

/** The newest record of a device, as told since a part of the page wants to know it. */
export function useLiveValue(id: string): TelemetryEvent | undefined {
  return useQuery<TelemetryEvent>({ queryKey: ['value', id], queryFn: skipToken }).data;
}

/** How often what the event stream tells of is asked for again: seldom while it is open. */
export function usePoll(): number {
  return useSyncExternalStore(subscribe, () => streaming) ? STREAMED_POLL_MS : POLL_MS;
}

function nameWanted(): void {
  stream?.name([...wanted.values()].flat());
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
