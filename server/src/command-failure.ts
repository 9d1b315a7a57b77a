import { ConfigError } from './config.ts';
import { isUnreachable, startFailure } from './platform/db/database-error.ts';
import { AppError, errorCode } from './platform/errors.ts';

const UNDEFINED_TABLE = '42P01';
const NOT_MIGRATED =
  'DATABASE_URL: the database has no tables of this server: another database, or the server has not started on it yet.';

/** What a command for a shell prints when it fails, without statements and parameters. */
export function commandFailure(error: unknown): string {
  if (error instanceof ConfigError || error instanceof AppError) return error.message;
  if (isUnreachable(error)) return `DATABASE_URL: the database cannot be reached (${errorCode(error)}).`;
  if (errorCode(error) === UNDEFINED_TABLE) return NOT_MIGRATED;
  return startFailure(error);
}
