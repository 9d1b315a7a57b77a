import type { Queryable } from './db/client.ts';

/** A change as live streams tell it. */
export interface LiveEvent {
  /** `event` of the stream. */
  readonly name: string;
  readonly data: unknown;
}

/** What has changed behind a cursor. */
export interface LiveChanges {
  /** At most `limit` and one: more means that they are not told one by one. */
  readonly events: readonly LiveEvent[];
  /** The cursor of the next call; text without line breaks. */
  readonly next: string;
  /** The cursor is none of this source, or what follows it is gone. */
  readonly expired?: boolean;
}

/**
 * Tells live streams what changed in a feature. It is asked once a second while somebody watches, in a `repeatable read`
 * transaction, so that all sources see the same moment; and once for each viewer that comes back, with the cursor it had.
 */
export interface LiveSource {
  /** Kind of its events, by which viewers choose. */
  readonly kind: string;
  /** Without a cursor it answers no events, and the cursor of now. Changes of one resource may be told as one. */
  since(tx: Queryable, cursor: string | undefined, limit: number): Promise<LiveChanges>;
}
