import type { Action, Permission } from './rules.ts';

interface CachedDecision {
  result: Permission;
  /** Unix milliseconds. */
  updatedAtMs: number;
}

export interface CacheLimits {
  maxSize: number;
  ttlMs: number;
  nowMs: number;
}

/**
 * One connection's authorization cache. It hides changes of the rules until its time is over or it is
 * dropped through REST, as EMQX's does. A full cache gives up its oldest decision.
 */
export class DecisionCache {
  // Insertion order is age: an update is taken out and put in again.
  private readonly entries = new Map<string, CachedDecision>();

  get(action: Action, topic: string, { ttlMs, nowMs }: CacheLimits): Permission | null {
    const entry = this.entries.get(key(action, topic));
    if (!entry) return null;
    if (entry.updatedAtMs + ttlMs > nowMs) return entry.result;
    this.dropExpired(ttlMs, nowMs);
    return null;
  }

  put(action: Action, topic: string, result: Permission, { maxSize, nowMs }: CacheLimits): void {
    const entryKey = key(action, topic);
    this.entries.delete(entryKey);
    if (this.entries.size >= maxSize) {
      const oldest = this.entries.keys().next();
      if (!oldest.done) this.entries.delete(oldest.value);
    }
    this.entries.set(entryKey, { result, updatedAtMs: nowMs });
  }

  clear(): void {
    this.entries.clear();
  }

  private dropExpired(ttlMs: number, nowMs: number): void {
    for (const [entryKey, entry] of this.entries) {
      if (entry.updatedAtMs + ttlMs > nowMs) return;
      this.entries.delete(entryKey);
    }
  }
}

function key(action: Action, topic: string): string {
  return action.type === 'publish'
    ? `p${action.qos}${action.retain ? 'r' : '-'}${topic}`
    : `s${action.qos}-${topic}`;
}
