import { sql } from 'drizzle-orm';
import type { Clock } from '../../platform/clock.ts';
import type { Queryable } from '../../platform/db/client.ts';
import type { ErrorCode } from '../../platform/errors.ts';
import type { Logger } from '../../platform/logger.ts';
import { createWriteBehind, type WriteBehind } from '../../platform/write-behind.ts';

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

/** Collects refused credentials for the audit log. */
export interface RefusedCredentials extends Pick<WriteBehind<string, unknown>, 'start' | 'close'> {
  /** Cheap, and tells whoever asked nothing: it is written later, with others. */
  add(refusal: RefusedCredential): void;
}

interface RefusedCredentialsDeps {
  readonly db: Queryable;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A state of the device, such as `revoked`, refuses a good credential: its firmware asks again every hour. */
const AUDITED: ReadonlySet<ErrorCode> = new Set([
  'bad_credential',
  'superseded',
  'wrong_device',
  'wrong_role',
]);
const HOUR_MS = 3_600_000;
const MAX_REMEMBERED = 20_000;

/** Collects refusals, one per device and hour, and writes them every 5 s. More than it can hold are left out. */
export function createRefusedCredentials({ db, clock, log }: RefusedCredentialsDeps): RefusedCredentials {
  const pending = createWriteBehind<string, NotedRefusal>({
    name: 'refused credentials',
    clock,
    log,
    intervalMs: 5_000,
    maxEntries: 1_000,
    pieceEntries: 1_000,
    merge: (earlier) => earlier,
    write: (refusals) => writeRefusedCredentials(db, [...refusals.values()]),
  });
  let remembered = new Set<string>();
  let forgetAt = 0;

  return {
    start: pending.start,
    close: pending.close,
    add(refusal) {
      if (clock.monotonic() >= forgetAt || remembered.size >= MAX_REMEMBERED) {
        remembered = new Set();
        forgetAt = clock.monotonic() + HOUR_MS;
      }
      if (!AUDITED.has(refusal.reason) || remembered.has(refusal.deviceId)) return;
      remembered.add(refusal.deviceId);
      pending.add(refusal.deviceId, { ...refusal, at: new Date(clock.now()) });
    },
  };
}

/** Appends those of registered devices to the audit log, unless one of the same device was within the hour. */
async function writeRefusedCredentials(db: Queryable, refusals: readonly NotedRefusal[]): Promise<void> {
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
        and earlier.at between refused.at - interval '1 hour' and refused.at + interval '1 minute')`);
}
