import { sql as drizzleSql, type SQL } from 'drizzle-orm';
import type { AnyPgColumn } from 'drizzle-orm/pg-core';
import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';
import { AppError, errorCode } from '../errors.ts';
import * as schema from './schema.ts';

export type Database = PostgresJsDatabase<typeof schema>;
/** A database or a transaction in it: what every store function takes first. */
export type Queryable = Pick<Database, 'select' | 'insert' | 'update' | 'delete' | 'execute' | '$count'>;

export interface DatabaseClient {
  readonly db: Database;
  readonly sql: postgres.Sql;
  /** Waits up to `timeoutMs` for running statements, then ends the connections. */
  close(timeoutMs: number): Promise<void>;
}

const CONNECT_TIMEOUT_SECONDS = 5;
const STATEMENT_TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 10;

/** Opens a pool; connections are made on first use, and again after they were lost. */
export function openDatabase(url: string): DatabaseClient {
  const sql = postgres(url, {
    max: MAX_CONNECTIONS,
    connect_timeout: CONNECT_TIMEOUT_SECONDS,
    idle_timeout: 300,
    backoff: (retries) => Math.min(0.1 * 2 ** retries, 2),
    onnotice: () => {},
    connection: { application_name: 'simple-iot-server', statement_timeout: STATEMENT_TIMEOUT_MS },
  });
  return {
    db: drizzle(preparing(sql), { schema }),
    sql,
    close: (timeoutMs) => sql.end({ timeout: timeoutMs / 1000 }),
  };
}

/**
 * Makes drizzle's statements named ones, which a connection parses once. The embedded database also needs it: it has one
 * unnamed statement for all its connections, which another one could replace between parsing and running.
 */
function preparing(sql: postgres.Sql): postgres.Sql {
  return new Proxy(sql, {
    get(target, property, receiver) {
      if (property !== 'unsafe') return Reflect.get(target, property, receiver);
      const unsafe: postgres.Sql['unsafe'] = (query, parameters, options) =>
        target.unsafe(query, parameters, { ...options, prepare: true });
      return unsafe;
    },
  });
}

/** Whether a column holds one of `ids`: one parameter and one statement text, however many there are. */
export function oneOf(column: AnyPgColumn, ids: readonly string[]): SQL {
  return drizzleSql`${column} in (select value::uuid from json_array_elements_text(${JSON.stringify(ids)}::json))`;
}

/** Codes of postgres.js and Node, and PostgreSQL's classes 08 (connection), 53 (resources) and 57P (shutting down). */
const UNREACHABLE =
  /^(CONNECT_TIMEOUT|CONNECTION_.*|ECONN.*|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|EPIPE|ETIMEDOUT|ERR_SOCKET.*|ENOENT|08...|53...|57P0.|57014)$/;

/** True where an error says that the database cannot be reached now, not that the statement was wrong. */
export function isUnreachable(error: unknown): boolean {
  const code = errorCode(error);
  return code !== undefined && UNREACHABLE.test(code);
}

/** An unreachable database as the answer a device gets for it; any other error as it is. */
export function databaseError(error: unknown): unknown {
  if (error instanceof AppError || !isUnreachable(error)) return error;
  return new AppError('unavailable', 'The database is not reachable.', {
    cause: error,
    retryAfterSeconds: 10,
  });
}
