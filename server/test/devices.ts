import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { createApiClient } from '../src/api/client.ts';
import type { Stack } from './harness.ts';

/** An API key of the given role, written straight into the database. */
export async function createApiKey(stack: Pick<Stack, 'sql'>, role: 'admin' | 'viewer'): Promise<string> {
  const key = `siot_${randomBytes(24).toString('base64url')}`;
  const hash = createHash('sha256').update(key).digest('hex');
  await stack.sql`
    insert into api_keys (name, key_hash, prefix, role, created_at)
    values (${`${role} ${randomUUID()}`}, ${hash}, ${key.slice(0, 9)}, ${role}, now())`;
  return key;
}

/** The typed client of `/api/v1`, with an API key of the given role. */
export async function apiClient(stack: Stack, role: 'admin' | 'viewer' = 'admin') {
  return createApiClient(stack.url, { apiKey: await createApiKey(stack, role) });
}

export type ApiClient = Awaited<ReturnType<typeof apiClient>>;

/** Calls `/api/v1` as written, for what the typed client would not let through. */
export function callApi(
  stack: Pick<Stack, 'url'>,
  key: string,
  method: string,
  path: string,
  init: RequestInit = {},
) {
  return fetch(`${stack.url}/api/v1${path}`, {
    ...init,
    method,
    headers: { authorization: `Bearer ${key}`, ...init.headers },
  });
}

/** The audit log about one device, oldest first. */
export function auditOf(stack: Stack, id: string) {
  return stack.sql<
    { action: string; actor_kind: string; actor: string; before: Audited; after: Audited }[]
  >`select action, actor_kind, actor, before, after from audit_log where subject = ${id} order by id`;
}

type Audited = Readonly<Record<string, unknown>> | null;

/** Inserts active devices created a second apart, `role` and `name` by position. */
export async function insertDevices(
  stack: Stack,
  count: number,
  device: (at: number) => { role?: 'master' | 'agent'; name?: string; master?: string; id?: string },
): Promise<string[]> {
  const rows = Array.from({ length: count }, (_, at) => {
    const { id = randomUUID(), role = 'agent', name = '', master = null } = device(at);
    return { id, role, name, master, at };
  });
  await stack.sql`
    insert into devices (id, role, state, name, master_id, created_at)
    select id, role, 'active', name, master, timestamptz '2026-01-01' + at * interval '1 second'
    from json_to_recordset(${JSON.stringify(rows)}::text::json) as r (id uuid, role device_role, name text, master uuid, at int)`;
  return rows.map(({ id }) => id);
}

/** The status of an answer; the typed client knows only those of success. */
export async function statusOf(answer: Promise<{ readonly status: number }>): Promise<number> {
  return (await answer).status;
}
