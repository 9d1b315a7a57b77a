import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { manualClock } from './clocks.ts';
import { type Stack, startStack, until } from './harness.ts';

interface Pruning {
  readonly actor_kind: string;
  readonly actor: string;
  readonly after: Readonly<Record<string, unknown>>;
}

const clock = manualClock();
let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ broker: false, clock, env: { AUDIT_RETENTION: '400d' } });
}, 60_000);
afterAll(() => stack.close());

describe('AUDIT_RETENTION', () => {
  const DAY_MS = 86_400_000;

  /** Writes an entry of this age in days, by the server's clock. */
  const write = (actor: string, days: number, entries = 1) => stack.sql`
    insert into audit_log (at, actor_kind, actor, action)
    select ${new Date(clock.now() - days * DAY_MS).toISOString()}::timestamptz, 'system', ${actor}, 'test.written'
    from generate_series(1, ${entries}::int)`;
  const count = async (actor: string) =>
    Number((await stack.sql`select count(*) from audit_log where actor = ${actor}`)[0]?.count);
  const prunings = () => stack.sql<Pruning[]>`
    select actor_kind, actor, after from audit_log where action = 'audit.pruned'`;

  test('expired entries are deleted within a day and counted in one entry; younger ones stay', async () => {
    await write('expired', 401.5, 12_001);
    await write('kept', 399);
    clock.advance(300_000);
    await until('the log is pruned', async () => (await prunings()).length > 0);
    expect([...(await prunings())]).toMatchObject([
      {
        actor_kind: 'system',
        actor: 'audit retention',
        after: { entries: 12_001, before: expect.any(String) },
      },
    ]);
    expect([await count('expired'), await count('kept')]).toEqual([0, 1]);
  });

  test('a run that finds nothing leaves no entry', async () => {
    const before = (await prunings()).length;
    await write('expires in a day', 399.5);
    await stack.stopServer();
    clock.advance(2 * DAY_MS);
    await stack.startServer();
    clock.advance(300_000);
    await until('the log is pruned', async () => (await count('expires in a day')) === 0);
    expect(await prunings()).toHaveLength(before + 1);
    await stack.startServer();
    clock.advance(300_000);
    // A second instance on the same day, by the record of its lease.
    await until('it has looked', async () => {
      const rows = await stack.sql`
        select from leases where name = 'audit-retention' and epoch >= 3 and expires_at <= now()`;
      return rows.length > 0;
    });
    expect(await prunings()).toHaveLength(before + 1);
  });

  test('the table keeps what is younger than 30 days or than the transaction says', async () => {
    await stack.sql`insert into audit_log (at, actor_kind, actor, action)
      select now() - days * interval '1 day', 'system', 'guarded', 'test.written' from unnest(array[10, 50]) as days`;
    const attempt = (statement: string, expiredBefore: string) =>
      stack.sql.begin(async (tx) => {
        await tx`select set_config('simple_iot.audit_expired_before', ${expiredBefore}, true)`;
        await tx.unsafe(statement);
      });
    const future = '2999-01-01T00:00:00Z';
    const deletion = "delete from audit_log where actor = 'guarded'";
    for (const [statement, expiredBefore] of [
      [deletion, future],
      [deletion, '2000-01-01T00:00:00Z'],
      ["update audit_log set actor = 'nobody' where actor = 'guarded'", future],
      ['truncate audit_log', future],
    ] as const) {
      await expect(attempt(statement, expiredBefore)).rejects.toThrow('append-only');
    }
    expect(await count('guarded')).toBe(2);
    await attempt(`${deletion} and at < now() - interval '40 days'`, future);
    expect(await count('guarded')).toBe(1);
    // The permission ends with its transaction.
    await expect(stack.sql.unsafe(deletion).then(() => {})).rejects.toThrow('append-only');
  });
});
