import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { type LocalPostgres, startPostgres } from './postgres.ts';
import { PostgresError } from './postgres-error.ts';

/**
 * The development stack's database: the one at `url` if given, else one of its own, with its data in `dataDir`.
 *
 * @throws PostgresError where it cannot be used.
 */
export async function openDatabase(url: string | undefined, dataDir: string): Promise<LocalPostgres> {
  if (url) return { url, close: () => Promise.resolve() };
  const old = join(dataDir, 'postgres');
  const isOld = await access(join(old, 'PG_VERSION')).then(
    () => true,
    () => false,
  );
  if (isOld) {
    throw new PostgresError(
      `${old} holds a database that an earlier version made with PGlite and that PostgreSQL cannot read: move that folder away, or choose another one with DATA_DIR.`,
    );
  }
  return startPostgres({ folder: join(dataDir, 'database'), announce: console.log });
}
