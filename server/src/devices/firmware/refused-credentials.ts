import { sql } from 'drizzle-orm';
import type { Clock } from '../../platform/clock.ts';
import type { Queryable } from '../../platform/db/client.ts';
import type { ErrorCode } from '../../platform/errors.ts';
import type { Logger } from '../../platform/logger.ts';

/** A credential presented for a device, or the token of one, that was refused. */
export interface RefusedCredential {
  readonly deviceId: string;
  readonly reason: ErrorCode;
  readonly address: string;
  readonly requestId: string;
}

interface NotedRefusal extends RefusedCredential {
  readonly at: Date;
}

export interface RefusedCredentials {
  start(): void;
  /** Notes a refusal for the audit log. Cheap, and tells whoever asked nothing: it is written later, with others. */
  note(refusal: RefusedCredential): void;
  /** Writes what is noted and stops. */
  close(): Promise<void>;
}

interface RefusedCredentialsDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly write: (refusals: readonly NotedRefusal[]) => Promise<void>;
}

/** A state of the device, such as `revoked`, refuses a good credential: its firmware asks again every hour. */
const AUDITED: ReadonlySet<ErrorCode> = new Set([
  'bad_credential',
  'superseded',
  'wrong_device',
  'wrong_role',
]);
const INTERVAL_MS = 5_000;
const HOUR_MS = 3_600_000;
const MAX_PENDING = 1_000;
const MAX_REMEMBERED = 20_000;

/** Collects refusals, one of a device and hour, and writes them every 5 s. More than it can hold are left out. */
export function createRefusedCredentials(deps: RefusedCredentialsDeps): RefusedCredentials {
  let pending: NotedRefusal[] = [];
  let remembered = new Set<string>();
  let forgetAt = 0;
  let writing: Promise<void> = Promise.resolve();
  let ticker: { cancel(): void } | undefined;

  async function flush(): Promise<void> {
    if (pending.length === 0) return;
    const batch = pending;
    pending = [];
    try {
      await deps.write(batch);
    } catch (error) {
      pending = [...batch, ...pending].slice(0, MAX_PENDING);
      deps.log.warn({ err: error, refusals: batch.length }, 'refused credentials wait for the database');
    }
  }

  function tick(): void {
    writing = writing.then(flush);
  }

  return {
    start() {
      ticker ??= deps.clock.setTicker(tick, INTERVAL_MS);
    },
    note(refusal) {
      const now = deps.clock.now();
      if (now >= forgetAt || remembered.size >= MAX_REMEMBERED) {
        remembered = new Set();
        forgetAt = now + HOUR_MS;
      }
      if (!AUDITED.has(refusal.reason) || remembered.has(refusal.deviceId) || pending.length >= MAX_PENDING) {
        return;
      }
      remembered.add(refusal.deviceId);
      pending.push({ ...refusal, at: new Date(now) });
    },
    async close() {
      ticker?.cancel();
      tick();
      await writing;
    },
  };
}

/** Appends those of registered devices to the audit log, unless one of the same device was within the hour. */
export async function writeRefusedCredentials(
  db: Queryable,
  refusals: readonly NotedRefusal[],
): Promise<void> {
  const rows = refusals.map(({ deviceId, reason, address, requestId, at }) => ({
    id: deviceId,
    reason,
    address,
    request_id: requestId,
    at: at.toISOString(),
  }));
  await db.execute(sql`
    insert into audit_log (at, actor_kind, actor, address, request_id, action, subject, after)
    select refused.at, 'device', devices.id, refused.address, refused.request_id, 'credential.refused', devices.id,
      jsonb_build_object('reason', refused.reason)
    from json_to_recordset(${JSON.stringify(rows)}::json)
      as refused (id uuid, reason text, address text, request_id text, at timestamptz)
    join devices on devices.id = refused.id
    where not exists (
      select 1 from audit_log as earlier
      where earlier.subject = refused.id::text and earlier.action = 'credential.refused'
        and earlier.at > refused.at - interval '1 hour')`);
}
