import { DrizzleQueryError } from 'drizzle-orm';
import { AppError, errorCode } from '../errors.ts';

/** Codes of postgres.js and Node, and PostgreSQL's classes 08 (connection), 53 (resources) and 57P (shutting down). */
const UNREACHABLE =
  /^(CONNECT_TIMEOUT|CONNECTION_.*|ECONN.*|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|EPIPE|ETIMEDOUT|ERR_SOCKET.*|ENOENT|08...|53...|57P0.|57014)$/;
/** query_canceled: the statement took longer than `statement_timeout`. */
const TOO_LONG = '57014';
/** What a pooler answers to a session that it does not support, for one. */
const PROTOCOL_VIOLATION = '08P01';
const READ_ONLY = '25006';
/** invalid_authorization_specification and invalid_password. */
const NOT_AUTHENTICATED = /^28(000|P01)$/;

/** True where an error says that the database cannot be reached now, not that the statement was wrong. */
export function isUnreachable(error: unknown): boolean {
  const code = errorCode(error);
  return code !== undefined && code !== PROTOCOL_VIOLATION && UNREACHABLE.test(code);
}

/** True where a statement was cancelled because it took too long. */
export function isTooSlow(error: unknown): boolean {
  return errorCode(error) === TOO_LONG;
}

/** True where the database takes no writes now: a standby, or one that ran out of space and was closed for writing. */
export function isReadOnly(error: unknown): boolean {
  return errorCode(error) === READ_ONLY;
}

/** True where the database refuses the server's user or password. */
export function isNotAuthenticated(error: unknown): boolean {
  return NOT_AUTHENTICATED.test(errorCode(error) ?? '');
}

/** A database that cannot be used now, as the answer a client gets for it; any other error as it is. */
export function databaseError(error: unknown): unknown {
  if (error instanceof AppError) return error;
  const message = outageMessage(error);
  if (message === undefined) return error;
  return new AppError('unavailable', message, { cause: error, retryAfterSeconds: 10 });
}

function outageMessage(error: unknown): string | undefined {
  if (isTooSlow(error)) {
    return 'The query took too long. Ask for less, such as a shorter time, or try again when the database is less busy.';
  }
  if (isUnreachable(error)) return 'The database is not reachable.';
  if (isReadOnly(error)) return 'The database is read-only at present.';
  if (isNotAuthenticated(error)) return 'The database refuses the server.';
  return undefined;
}

/**
 * Why a start ends that waiting cannot save: the reason in a sentence that names the variable. Nothing of a statement is
 * in it, and of a URL only what PostgreSQL itself says.
 */
export function startFailure(error: unknown): string {
  const code = errorCode(error);
  const said = saidByDatabase(error);
  if (isNotAuthenticated(error)) return `DATABASE_URL: the user or password is refused: ${said}`;
  if (code === '3D000') return `DATABASE_URL: ${said}`;
  if (code === '42501') return `DATABASE_URL: the user lacks a privilege that migrations need: ${said}`;
  if (code === PROTOCOL_VIOLATION) {
    return `DATABASE_URL: the server does not take this session; a pooler has to support what docs/operations.md lists: ${said}`;
  }
  if (code === TOO_LONG) return `DATABASE_URL: a migration was cancelled: ${said}`;
  return `DATABASE_URL: the database refuses the server (${code ?? 'no code'}): ${said}`;
}

/** Without the statement and its parameters, which drizzle puts around it. */
function saidByDatabase(error: unknown): string {
  const inner = error instanceof DrizzleQueryError ? error.cause : error;
  return inner instanceof Error ? inner.message : 'unknown error';
}
