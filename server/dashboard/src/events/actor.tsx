import type { AuditEntry } from '../api/fleet.ts';
import { DeviceLink } from '../fleet/device-link.tsx';

interface ActorProps extends Pick<AuditEntry, 'actorKind' | 'actor'> {
  /** What the event is about. */
  readonly subject: string | null;
}

/** Who did something. */
export function Actor({ actorKind, actor, subject }: ActorProps) {
  if (actorKind === 'device') return actor === subject ? 'the device' : <DeviceLink id={actor} />;
  if (actorKind === 'api_key') return `API key ${actor}`;
  return actorKind === 'system' ? `the server (${actor})` : actor;
}
