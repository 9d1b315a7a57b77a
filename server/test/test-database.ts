import { randomBytes } from 'node:crypto';
import postgres from 'postgres';
import { type LocalPostgres, startPostgres } from '../dev/postgres/postgres.ts';

/** A database of one test file's own. */
export interface TestDatabase {
  readonly url: string;
  close(): Promise<void>;
}

/** An empty database, in the PostgreSQL of `TEST_DATABASE_URL`, or in one that this process shares and takes along. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const server = process.env.TEST_DATABASE_URL || (await sharedPostgres()).url;
  const name = `test_${randomBytes(8).toString('hex')}`;
  await administer(server, `create database ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { url: url.href, close: () => administer(server, `drop database ${name} with (force)`) };
}

/** Modules are loaded again for each test file, the global object is not. */
const shared: typeof globalThis & { testPostgres?: Promise<LocalPostgres> } = globalThis;

function sharedPostgres(): Promise<LocalPostgres> {
  shared.testPostgres ??= startPostgres();
  return shared.testPostgres;
}

async function administer(url: string, statement: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    await sql.unsafe(statement);
  } finally {
    await sql.end();
  }
}
