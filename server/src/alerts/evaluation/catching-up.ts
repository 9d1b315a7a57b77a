import { sql } from 'drizzle-orm';
import type { Queryable } from '../../platform/db/client.ts';
import { INGEST_LEASE } from '../../telemetry/ingest/ingest.ts';

/** Noted as a lease: which holder of the telemetry session is known, and until when it catches up. */
export const CATCH_UP_LEASE = 'alert-watcher';
/** Enough to store what the broker has kept, and to read who is connected. */
export const CATCH_UP_SECONDS = 30;
/** A holder that lives renews its lease long before this is left. */
const STALE_SECONDS = 4;

/**
 * Whether nobody receives telemetry, or somebody has only just begun to: after a restart, and while the session changes hands,
 * records wait at the broker, and who is connected is not known yet. Then nothing is missing only because it was not read,
 * and no value has stayed beyond its limit.
 *
 * @param wasAway the database was out of reach until now: what arrived meanwhile waits to be stored.
 */
export async function isCatchingUp(tx: Queryable, wasAway: boolean): Promise<boolean> {
  const [row] = await tx.execute<{ epoch: string; lives: number; known: string | null; held: number }>(sql`
    select ingest.epoch, (ingest.expires_at > now() + make_interval(secs => ${STALE_SECONDS}))::int as lives,
      seen.epoch as known, coalesce(seen.expires_at > now(), false)::int as held
    from leases as ingest left join leases as seen on seen.name = ${CATCH_UP_LEASE}
    where ingest.name = ${INGEST_LEASE}`);
  if (!row) return true;
  if (row.known === row.epoch && !wasAway) return row.held === 1 || row.lives === 0;
  // The first holder of all finds nothing that waits.
  const seconds = row.known === null ? 0 : CATCH_UP_SECONDS;
  await tx.execute(sql`
    insert into leases (name, holder, expires_at, epoch)
    values (${CATCH_UP_LEASE}, '', now() + make_interval(secs => ${seconds}), ${row.epoch}::bigint)
    on conflict (name) do update set expires_at = excluded.expires_at, epoch = excluded.epoch`);
  return seconds > 0 || row.lives === 0;
}
