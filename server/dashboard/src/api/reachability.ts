import { useSyncExternalStore } from 'react';

/** Whether the last request was answered. What is on the screen stays there while it was not. */
let reachable = true;
const listeners = new Set<() => void>();

export function reportReachable(): void {
  change(true);
}

export function reportUnreachable(): void {
  change(false);
}

function change(now: boolean): void {
  if (now === reachable) return;
  reachable = now;
  for (const listener of listeners) listener();
}

export function onReachabilityChange(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function isReachable(): boolean {
  return reachable;
}

export function useReachable(): boolean {
  return useSyncExternalStore(onReachabilityChange, isReachable);
}
