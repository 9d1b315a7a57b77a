import { afterAll, beforeAll, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import postgres from 'postgres';
import { z } from 'zod';
import { MIGRATIONS_FOLDER } from '../dev/stack.ts';
import { migrate } from '../src/platform/db/migrate.ts';
import { makeTelemetryPartitions } from '../src/telemetry/store/retention.ts';
import { createTestDatabase, type TestDatabase } from './test-database.ts';

const target = z.object({ rawSql: z.string() });
const dashboard = z
  .object({
    panels: z.array(z.object({ title: z.string(), targets: z.array(target) })),
    templating: z.object({
      list: z.array(z.object({ name: z.string(), type: z.string(), query: z.string() })),
    }),
  })
  .parse(JSON.parse(await readFile(new URL('../../docs/grafana/dashboard.json', import.meta.url), 'utf8')));

const DEVICE = randomUUID();
/** As a device may call it. */
const FIELD = "boiler's temp";
const role = `reader_${randomUUID().replaceAll('-', '')}`;
let database: TestDatabase;
let owner: postgres.Sql;
/** A role as docs/monitoring.md has it made. */
let reader: postgres.Sql;

beforeAll(async () => {
  database = await createTestDatabase();
  owner = postgres(database.url, { max: 1, onnotice: () => {} });
  await migrate(owner, MIGRATIONS_FOLDER);
  await makeTelemetryPartitions(owner, Date.now());
  await owner`insert into devices (id, role, state, created_at, name) values (${DEVICE}, 'agent', 'active', now(), 'boiler')`;
  await owner`insert into telemetry_devices (device_id, stored, lost) values (${DEVICE}, 1, 2)`;
  await owner`insert into telemetry (device, at, received, data) select key, now(), now(), ${owner.json({ [FIELD]: 21.5 })} from telemetry_devices`;
  await owner`insert into telemetry_fields (device, field, kind, last_at, last) select key, ${FIELD}, 'number', now(), '21.5' from telemetry_devices`;
  await owner`insert into telemetry_rollups (device, field, hour, n, sum, min, min_ms, max, max_ms, first, first_ms, last, last_ms)
    select key, ${FIELD}, date_trunc('hour', now()), 2, 43, 21, 0, 22, 1, 21, 0, 22, 1 from telemetry_devices`;
  await owner.unsafe(`create role ${role} login password 'reader'`);
  await owner.unsafe(`grant usage on schema monitoring to ${role}`);
  await owner.unsafe(`grant select on all tables in schema monitoring to ${role}`);
  const url = new URL(database.url);
  url.username = role;
  url.password = 'reader';
  reader = postgres(url.href, { max: 1, onnotice: () => {} });
}, 60_000);
afterAll(async () => {
  await reader.end();
  await owner.unsafe(`drop owned by ${role}`);
  await owner.unsafe(`drop role ${role}`);
  await owner.end();
  await database.close();
});

/** What Grafana makes of a query. */
function filledIn(query: string): string {
  return (
    query
      .replaceAll('$device', DEVICE)
      // As a string of SQL, and as it is.
      .replaceAll('${field:sqlstring}', () => `'${FIELD.replaceAll("'", "''")}'`)
      .replaceAll('$field', FIELD)
      .replaceAll(
        /\$__timeFilter\((\w+)\)/g,
        "$1 between now() - interval '1 day' and now() + interval '1 hour'",
      )
  );
}

const queries = [
  ...dashboard.panels.flatMap(({ title, targets }) => targets.map(({ rawSql }) => [title, rawSql] as const)),
  ...dashboard.templating.list.flatMap(({ name, type, query }) =>
    type === 'query' ? [[name, query] as const] : [],
  ),
];

test.each(queries)('the dashboard reads %s through the views alone', async (_, query) => {
  expect((await reader.unsafe(filledIn(query))).length).toBeGreaterThan(0);
});

test.each(['devices', 'operators', 'api_keys', 'telemetry', 'telemetry_devices', 'audit_log'])(
  'the role of the dashboard cannot read %s',
  async (table) => {
    const code = await reader.unsafe(`select * from public.${table}`).catch((error) => error.code);
    expect(code).toBe('42501');
  },
);
