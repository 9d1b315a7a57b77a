import { afterAll, beforeAll, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { MIGRATIONS_FOLDER } from '../../dev/stack.ts';
import { createTestDatabase, type TestDatabase, until } from '../../test/harness.ts';
import { silentLog } from '../../test/logs.ts';
import { systemClock } from '../platform/clock.ts';
import { type DatabaseClient, openDatabase } from '../platform/db/client.ts';
import { migrate } from '../platform/db/migrate.ts';
import { systemRandom } from '../platform/random.ts';
import { createChangeQueue } from './change-queue.ts';
import { EmqxError } from './emqx.ts';

let testDatabase: TestDatabase;
let database: DatabaseClient;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase(testDatabase.url);
  await migrate(database.sql, MIGRATIONS_FOLDER);
}, 60_000);
afterAll(async () => {
  await database.close(1_000);
  await testDatabase.close();
});

/** A queue whose work is handed in, and the devices it worked on. */
function queueWith(sync: (deviceId: string) => Promise<string[]>) {
  const worked: string[] = [];
  const queue = createChangeQueue({
    db: database.db,
    clock: systemClock,
    random: systemRandom,
    log: silentLog(),
    sync: (deviceId) => {
      worked.push(deviceId);
      return sync(deviceId);
    },
  });
  const change = async (...deviceIds: string[]) =>
    await queue.flush(await queue.enqueue(database.db, deviceIds, 'test'));
  return { queue, worked, change };
}

const waiting = async () => (await database.sql`select from broker_changes`).length;

test('changes are processed in order, each device once, and leave the queue', async () => {
  const [a, b] = [randomUUID(), randomUUID()];
  const { queue, worked, change } = queueWith(async (id) => [`did ${id}`]);
  expect(await change(a, b, a)).toMatchObject({ status: 'applied', steps: [`did ${a}`, `did ${b}`] });
  expect(worked).toEqual([a, b]);
  expect(await waiting()).toBe(0);
  await queue.close();
});

test.each([
  ['refuses', new EmqxError('refused', 'refused', { status: 400 })],
  ['answers strangely about', new EmqxError('unexpected', 'strange')],
  ['trips over', new Error('a fault')],
])('a device that the broker %s does not block the others, and is retried', async (_, error) => {
  const [bad, good] = [randomUUID(), randomUUID()];
  let faulty = true;
  const { queue, change } = queueWith(async (id) => {
    if (id === bad && faulty) throw error;
    return [];
  });
  expect(await change(bad)).toMatchObject({ status: 'queued', effectiveAfterMs: null });
  expect(await change(good)).toMatchObject({ status: 'applied' });
  expect(await waiting()).toBe(1);
  faulty = false;
  await until('the queue is empty', async () => (await waiting()) === 0);
  await queue.close();
});

test('an unreachable broker stops processing at the first device, which later continues in order', async () => {
  const [a, b] = [randomUUID(), randomUUID()];
  let away = true;
  const { queue, worked, change } = queueWith(async () => {
    if (away) throw new EmqxError('unreachable', 'away');
    return [];
  });
  expect(await change(a, b)).toMatchObject({ status: 'queued', reason: 'away' });
  expect(worked).not.toContain(b);
  away = false;
  await until('the queue is empty', async () => (await waiting()) === 0);
  expect(worked.slice(-2)).toEqual([a, b]);
  await queue.close();
});
