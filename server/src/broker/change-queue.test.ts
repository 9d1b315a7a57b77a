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
import { mergeChanges } from './changes.ts';
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
function queueWith(
  sync: (deviceId: string) => Promise<string[]>,
  probe: () => Promise<unknown> = async () => {},
) {
  const worked: string[] = [];
  const queue = createChangeQueue({
    db: database.db,
    clock: systemClock,
    random: systemRandom,
    log: silentLog(),
    probe,
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
  ['answers 500 about', new EmqxError('unreachable', '500', { status: 500 })],
  ['answers nothing about', new EmqxError('unreachable', 'timed out')],
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
  const answer = async () => {
    if (away) throw new EmqxError('unreachable', 'away');
    return [];
  };
  const { queue, worked, change } = queueWith(answer, answer);
  expect(await change(a, b)).toMatchObject({ status: 'queued', reason: 'away' });
  expect(worked).not.toContain(b);
  away = false;
  await until('the queue is empty', async () => (await waiting()) === 0);
  expect(worked.slice(-2)).toEqual([a, b]);
  await queue.close();
});

test('a request applies its own change before thousands that are queued', async () => {
  const { queue, worked, change } = queueWith(async () => []);
  const bulk = Array.from({ length: 2_000 }, () => randomUUID());
  await queue.enqueue(database.db, bulk, 'device.unpaired');
  const mine = randomUUID();
  expect(await change(mine)).toMatchObject({ status: 'applied' });
  expect(worked[0]).toBe(mine);
  queue.wake();
  await until('the queue is empty', async () => (await waiting()) === 0);
  expect(new Set(worked).size).toBe(2_001);
  await queue.close();
});

test('what takes rights away goes before bulk work, whoever enqueued it', async () => {
  const { queue, worked } = queueWith(async () => []);
  const bulk = Array.from({ length: 200 }, () => randomUUID());
  const revoked = randomUUID();
  await queue.enqueue(database.db, bulk, 'device.unpaired');
  await queue.enqueue(database.db, [revoked], 'device.revoked');
  queue.wake();
  await until('the queue is empty', async () => (await waiting()) === 0);
  expect(worked[0]).toBe(revoked);
  await queue.close();
});

test('what takes rights away at an instance that failed is applied by another, which is busy with a batch', async () => {
  const released = Promise.withResolvers<void>();
  const revoked = randomUUID();
  const failed = queueWith(async () => []);
  const busy = queueWith(async (id) => {
    if (id !== revoked) await released.promise;
    return [];
  });
  const bulk = Array.from({ length: 200 }, () => randomUUID());
  await busy.queue.enqueue(database.db, bulk, 'device.unpaired');
  busy.queue.start();
  await until('the batch is under way', () => busy.worked.length === 8);
  await failed.queue.enqueue(database.db, [revoked], 'device.revoked');
  await failed.queue.close();
  await until('the revocation is applied', async () => (await waiting()) === 200);
  expect(busy.worked.slice(8)).toEqual([revoked]);
  released.resolve();
  await until('the queue is empty', async () => (await waiting()) === 0);
  await busy.queue.close();
});

test('many revocations of one request do not wait for a batch either', async () => {
  const released = Promise.withResolvers<void>();
  const bulk: string[] = Array.from({ length: 200 }, () => randomUUID());
  const { queue, worked } = queueWith(async (id) => {
    if (bulk.includes(id)) await released.promise;
    return [];
  });
  await queue.enqueue(database.db, bulk, 'device.unpaired');
  queue.start();
  await until('the batch is under way', () => worked.length === 8);
  const revoked = Array.from({ length: 60 }, () => randomUUID());
  const changes = await Promise.all(revoked.map((id) => queue.enqueue(database.db, [id], 'device.revoked')));
  void queue.flush(changes.reduce(mergeChanges));
  await until('all are applied', async () => (await waiting()) === 200);
  released.resolve();
  await until('the queue is empty', async () => (await waiting()) === 0);
  await queue.close();
});

test('a later change of a few devices does not wait for one of thousands', async () => {
  const { queue, worked } = queueWith(async () => []);
  const bulk = Array.from({ length: 300 }, () => randomUUID());
  const later = [randomUUID(), randomUUID()];
  await queue.enqueue(database.db, bulk, 'device.deleted');
  await queue.enqueue(database.db, later, 'device.paired');
  queue.wake();
  await until('the queue is empty', async () => (await waiting()) === 0);
  expect(worked.slice(0, 8)).toEqual(expect.arrayContaining(later));
  expect(worked[0]).toBe(bulk[0] ?? '');
  await queue.close();
});

test('changes of a device in several hands are one sync', async () => {
  const { queue, worked } = queueWith(async () => []);
  const device = randomUUID();
  await queue.enqueue(database.db, [randomUUID(), device], 'device.unpaired');
  await queue.enqueue(database.db, [device], 'device.paired');
  queue.wake();
  await until('the queue is empty', async () => (await waiting()) === 0);
  expect(worked.filter((id) => id === device)).toHaveLength(1);
  await queue.close();
});

test('devices are synced several at a time', async () => {
  const released = Promise.withResolvers<void>();
  const { queue, worked } = queueWith(async () => {
    await released.promise;
    return [];
  });
  await queue.enqueue(
    database.db,
    Array.from({ length: 20 }, () => randomUUID()),
    'device.unpaired',
  );
  queue.wake();
  await until('several are under way', () => worked.length >= 8);
  expect(worked).toHaveLength(8);
  released.resolve();
  await until('the queue is empty', async () => (await waiting()) === 0);
  await queue.close();
});

test('a change that is enqueued while its device is synced is not lost', async () => {
  const device = randomUUID();
  let syncs = 0;
  const { queue, change } = queueWith(async (id) => {
    if (id === device && syncs++ === 0) await queue.enqueue(database.db, [device], 'test');
    return [];
  });
  await change(device);
  expect(await waiting()).toBe(1);
  queue.wake();
  await until('the queue is empty', async () => (await waiting()) === 0);
  expect(syncs).toBe(2);
  await queue.close();
});
