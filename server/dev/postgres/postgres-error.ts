import { StackError } from '../stack-error.ts';

/** PostgreSQL cannot be started here. */
export class PostgresError extends StackError {
  override name = 'PostgresError';
}

/** The machine cannot run the PostgreSQL that comes with the development stack. */
export function cannotRun(reason: string): PostgresError {
  return new PostgresError(
    `${reason}. Give the URL of a PostgreSQL 15 or newer instead: DATABASE_URL for the development stack, TEST_DATABASE_URL for tests and benchmarks.`,
  );
}
