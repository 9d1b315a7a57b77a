import { sql as drizzleSql, type SQL } from 'drizzle-orm';
import type { AnyPgColumn } from 'drizzle-orm/pg-core';
import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';
import type { Metrics } from '../metrics.ts';
import { isNotAuthenticated, isReadOnly } from './database-error.ts';
import { parseDatabaseUrl } from './database-url.ts';
import { poolFigures } from './pool-figures.ts';
import * as schema from './schema.ts';

export type Database = PostgresJsDatabase<typeof schema>;
/** A database or a transaction in it: what every store function takes first. */
export type Queryable = Pick<Database, 'select' | 'insert' | 'update' | 'delete' | 'execute' | '$count'>;

export interface DatabaseClient {
  readonly db: Database;
  readonly sql: postgres.Sql;
  /** What can be done with the database now: `ok`, or in a few words what is wrong. */
  state(): Promise<string>;
  /** A connection beside the pool, without time limits, for as long as `work` takes. */
  unlimited<T>(work: (sql: postgres.Sql, db: Database) => Promise<T>): Promise<T>;
  /** Waits up to `timeoutMs` for running statements, then ends the connections. */
  close(timeoutMs: number): Promise<void>;
}

const CONNECT_TIMEOUT_SECONDS = 5;
/** PostgreSQL's own limit. */
const STATEMENT_TIMEOUT_MS = 6_000;
/** Longer than that: what has not even said so by now is a dead connection. */
const SILENCE_SECONDS = 7;
const MAX_CONNECTIONS = 10;
/** Connections to a database that takes no writes are replaced at most this often. */
const REPLACE_INTERVAL_MS = 1_000;
const READ_ONLY = 'read-only';

/** Opens a pool; connections are made on first use, and again after they were lost or have fallen silent. */
export function openDatabase(url: string, metrics?: Metrics): DatabaseClient {
  const sql = postgres({
    ...address(url, STATEMENT_TIMEOUT_MS),
    max: MAX_CONNECTIONS,
    idle_timeout: 300,
    silence_timeout: SILENCE_SECONDS,
  });
  const replaceConnections = connectionReplacement(sql);
  const db = drizzle(watched(sql, replaceConnections, metrics), { schema });
  return {
    db,
    sql,
    async state() {
      const state = await databaseState(db);
      // Nobody else may write for long, and who reads does not notice.
      if (state === READ_ONLY) replaceConnections();
      return state;
    },
    async unlimited(work) {
      const session = postgres({ ...address(url, 0), max: 1 });
      try {
        return await work(session, drizzle(session, { schema }));
      } finally {
        await session.end({ timeout: 1 });
      }
    },
    close: (timeoutMs) => sql.end({ timeout: timeoutMs / 1000 }),
  };
}

function address(url: string, statementTimeoutMs: number) {
  const { host, port, database, user, password, ssl, settings } = parseDatabaseUrl(url);
  return {
    host: [host],
    port: [port],
    database,
    user,
    password,
    ssl,
    connect_timeout: CONNECT_TIMEOUT_SECONDS,
    backoff: (retries: number) => Math.min(0.1 * 2 ** retries, 2),
    onnotice: () => {},
    // One statement a connection, for what drizzle reads as text anyway.
    fetch_types: false,
    connection: {
      application_name: 'simple-iot-server',
      statement_timeout: statementTimeoutMs,
      // Compiling a plan over a hundred partitions takes seconds, running it milliseconds.
      jit: 'off',
      ...settings,
    },
  };
}

/**
 * Replaces all connections of a pool when the database they lead to takes no writes: after a failover the address leads
 * elsewhere, but open connections stay where they are.
 */
function connectionReplacement(sql: postgres.Sql): () => void {
  let replacedAt = Number.NEGATIVE_INFINITY;
  return () => {
    if (performance.now() - replacedAt < REPLACE_INTERVAL_MS) return;
    replacedAt = performance.now();
    // Ends each connection when its statement is done; the pool makes new ones.
    void sql.close().catch(() => {});
  };
}

/** Makes drizzle's statements named ones, which a connection parses once, and looks at how they end. */
function watched(
  sql: postgres.Sql,
  replaceConnections: () => void,
  metrics: Metrics | undefined,
): postgres.Sql {
  const load = metrics && poolFigures(metrics, MAX_CONNECTIONS);
  /** Not `query.catch`, which would start a query before drizzle has set how it wants the rows. */
  function watch<T extends Promise<unknown>>(work: T): T {
    load?.begun();
    void Promise.prototype.then.call(work, load?.ended, (error: unknown) => {
      load?.failed(error);
      if (isReadOnly(error)) replaceConnections();
    });
    return work;
  }
  return new Proxy(sql, {
    get(target, property, receiver) {
      if (property === 'unsafe') return preparing(target, watch);
      if (property !== 'begin') return Reflect.get(target, property, receiver);
      const begin = (work: (transaction: postgres.TransactionSql) => unknown) =>
        watch(target.begin((transaction) => work(preparingTransaction(transaction))));
      return begin;
    },
  });
}

/** `sql.unsafe`, whose statements are not prepared by themselves, but prepared. */
function preparing(
  sql: postgres.ISql,
  watch: <T extends Promise<unknown>>(work: T) => T = (work) => work,
): postgres.Sql['unsafe'] {
  return (query, parameters, options) => watch(sql.unsafe(query, parameters, { ...options, prepare: true }));
}

function preparingTransaction(transaction: postgres.TransactionSql): postgres.TransactionSql {
  return new Proxy(transaction, {
    get: (target, property, receiver) =>
      property === 'unsafe' ? preparing(target) : Reflect.get(target, property, receiver),
  });
}

/** Whether a column holds one of `ids`: one parameter and one statement text, however many there are. */
export function oneOf(column: AnyPgColumn, ids: readonly string[]): SQL {
  return drizzleSql`${column} in (select value::uuid from json_array_elements_text(${JSON.stringify(ids)}::json))`;
}

async function databaseState(db: Queryable): Promise<string> {
  try {
    const [row] = await db.execute<{ read_only: string }>(
      drizzleSql`select current_setting('transaction_read_only') as read_only`,
    );
    return row?.read_only === 'on' ? READ_ONLY : 'ok';
  } catch (error) {
    return isNotAuthenticated(error) ? 'refuses the user or password' : 'not reachable';
  }
}
