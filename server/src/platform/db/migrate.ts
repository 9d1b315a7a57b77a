import { readMigrationFiles } from 'drizzle-orm/migrator';
import type postgres from 'postgres';
import { type BackoffLimits, backoffDelay } from '../backoff.ts';
import { type Clock, sleep } from '../clock.ts';
import { errorCode } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Random } from '../random.ts';
import type { DatabaseClient } from './client.ts';
import { isReadOnly, isUnreachable } from './database-error.ts';

/** Any fixed number: the key of the advisory lock that one migrating instance holds. */
const MIGRATION_LOCK = 7_268_401;
const WAIT: BackoffLimits = { firstMs: 500, capMs: 5_000 };

/**
 * Applies the migrations of `folder` that the database does not have yet, all in one transaction and under an advisory
 * lock, so that several instances starting together apply them once. The record is drizzle's own table, which
 * drizzle-kit reads; drizzle's `migrate()` reads it outside its transaction and takes no lock.
 *
 * @returns how many were applied.
 */
export async function migrate(sql: postgres.Sql, folder: string): Promise<number> {
  const migrations = readMigrationFiles({ migrationsFolder: folder });
  return await sql.begin(async (tx) => {
    // An index of a big table takes its time, and so does another instance that is at it.
    await tx`set local statement_timeout = 0`;
    await tx`select pg_advisory_xact_lock(${MIGRATION_LOCK})`;
    await tx`create schema if not exists drizzle`;
    await tx`create table if not exists drizzle.__drizzle_migrations
      (id serial primary key, hash text not null, created_at bigint)`;
    const [last] =
      await tx`select created_at from drizzle.__drizzle_migrations order by created_at desc limit 1`;
    const missing = migrations.filter(
      (migration) => !last || Number(last.created_at) < migration.folderMillis,
    );
    for (const migration of missing) {
      for (const statement of migration.sql) await tx.unsafe(statement);
      await tx`insert into drizzle.__drizzle_migrations (hash, created_at)
        values (${migration.hash}, ${migration.folderMillis})`;
    }
    return missing.length;
  });
}

/** Whether the database has migrations that came after those of `folder`: a newer server has been on it. */
async function isAhead(sql: postgres.Sql, folder: string): Promise<boolean> {
  const own = readMigrationFiles({ migrationsFolder: folder }).map(({ folderMillis }) => folderMillis);
  const later = await sql`
    select from drizzle.__drizzle_migrations where created_at > ${Math.max(...own)} limit 1`;
  return later.length > 0;
}

interface WaitingDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** What a migration says that was cancelled, by an operator or a limit of the database: the next try would end the same. */
const CANCELLED = '57014';

/**
 * `migrate` and then `prepare`, waiting for a database that cannot be reached or written yet for as long as `signal`
 * allows.
 *
 * @throws what the database says when it is there but refuses (wrong password, no such database, a failed migration).
 */
export async function migrateWhenReachable(
  database: DatabaseClient,
  folder: string,
  deps: WaitingDeps,
  signal: AbortSignal,
  prepare: () => Promise<void>,
): Promise<void> {
  for (let attempt = 0; !signal.aborted; attempt++) {
    try {
      const [applied, ahead] = await database.unlimited(
        async (sql) => [await migrate(sql, folder), await isAhead(sql, folder)] as const,
      );
      // No failure: while instances are upgraded one by one, those still to come may have to start once more.
      if (ahead) deps.log.warn('the schema is that of a newer server: run that one, or restore a backup');
      else deps.log.info({ applied }, applied > 0 ? 'migrations applied' : 'schema is up to date');
      await prepare();
      return;
    } catch (error) {
      const healable = isReadOnly(error) || (isUnreachable(error) && errorCode(error) !== CANCELLED);
      if (!healable) throw error;
      const [host] = database.sql.options.host;
      const [port] = database.sql.options.port;
      deps.log.warn({ code: errorCode(error), host, port }, 'waiting for the database');
      await sleep(deps.clock, 250 + backoffDelay(attempt, WAIT, deps.random), signal);
    }
  }
}
