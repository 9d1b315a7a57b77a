import { AppError } from '../platform/errors.ts';
import type { Actor } from './actor.ts';
import type { EventStream } from './event-stream.ts';

/** Who watches a stream of events. */
export interface Viewer {
  readonly actor: Actor;
  readonly stream: EventStream;
}

/** Finds out whose credential is still good. */
export type StillAuthenticated = (actors: readonly Actor[]) => Promise<(actor: Actor) => boolean>;

interface Places {
  /** On this instance. */
  readonly limit: number;
  /** Of one session or API key. */
  readonly ofActor: number;
}

/** @throws AppError `unavailable` where all have left no place for one more of `actor`. */
export function requirePlace(viewers: readonly Viewer[], actor: Actor, { limit, ofActor }: Places): void {
  const own = viewers.filter((viewer) => credentialOf(viewer.actor) === credentialOf(actor));
  if (viewers.length < limit && own.length < ofActor) return;
  throw new AppError('unavailable', 'Too many viewers are connected.', { retryAfterSeconds: 30 });
}

/** Ends the streams whose credential is no longer good. */
export async function endUnauthenticated(
  viewers: readonly Viewer[],
  stillAuthenticated: StillAuthenticated,
): Promise<void> {
  const isGood = await stillAuthenticated(viewers.map(({ actor }) => actor));
  for (const { actor, stream } of viewers) if (!isGood(actor)) stream.end();
}

/** The id of the session or API key by which a request is made. */
function credentialOf({ id, sessionId }: Actor): string {
  return sessionId ?? id;
}
