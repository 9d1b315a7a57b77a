import type { Context } from 'hono';
import type { ActorKind } from '../../contract/roles.ts';
import type { ApiEnv } from '../http/actor.ts';
import type { Queryable } from '../platform/db/client.ts';
import { auditLog } from '../platform/db/schema.ts';

/** One event for the append-only audit log. `before` and `after` hold no secrets. */
export interface AuditEntry {
  readonly at: Date;
  readonly actorKind: ActorKind;
  /** User name of an operator, name of an API key, UUID of a device, or part of the server. */
  readonly actor: string;
  readonly address?: string | undefined;
  readonly requestId?: string | undefined;
  /** `<subject>.<past participle>`, such as `device.revoked`. */
  readonly action: string;
  /** Id of what the event is about. */
  readonly subject?: string | undefined;
  readonly before?: Readonly<Record<string, unknown>> | undefined;
  readonly after?: Readonly<Record<string, unknown>> | undefined;
}

/** Who did something, where from, in which request, and when: what every audit entry of a request shares. */
export type AuditOrigin = Pick<AuditEntry, 'at' | 'actorKind' | 'actor' | 'address' | 'requestId'>;

/** Appends entries. Call it in the transaction of the change itself, so that neither is without the other. */
export async function writeAudit(db: Queryable, ...entries: readonly AuditEntry[]): Promise<void> {
  await db.insert(auditLog).values([...entries]);
}

/** The origin of what a request of `/api/v1` causes. */
export function auditOrigin(c: Context<ApiEnv>, now: number): AuditOrigin {
  const actor = c.get('actor');
  return {
    at: new Date(now),
    actorKind: actor.kind,
    actor: actor.name,
    address: c.get('ip'),
    requestId: c.get('requestId'),
  };
}
