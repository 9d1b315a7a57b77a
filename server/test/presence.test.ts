import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { desiredState } from '../src/broker/desired-state.ts';
import { createEmqx } from '../src/broker/emqx.ts';
import { reconcileNow } from '../src/broker/reconcile-now.ts';
import { writeLastSeen } from '../src/devices/last-seen.ts';
import { systemClock } from '../src/platform/clock.ts';
import { systemRandom } from '../src/platform/random.ts';
import { createPresenceCorrection } from '../src/presence/correction.ts';
import { createPresence } from '../src/presence/presence.ts';
import { type BrokerRig, startBrokerRig } from './broker-rig.ts';
import { JWT_SECRET } from './harness.ts';
import { silentLog } from './logs.ts';

let rig: BrokerRig;

beforeAll(async () => {
  rig = await startBrokerRig();
}, 60_000);
afterAll(() => rig.close());

async function isOnline(id: string): Promise<boolean> {
  const [row] = await rig.database
    .sql`select connected_at is not null as online from devices where id = ${id}`;
  return row?.online === true;
}

/** Has events of a device arrive, in this order, and be written. */
async function events(id: string, ...sessions: readonly { connectedAt: number; ended: boolean }[]) {
  const presence = createPresence({
    db: rig.database.db,
    clock: systemClock,
    log: silentLog(),
    onSeen: () => {},
    onConnected: () => {},
  });
  for (const { connectedAt, ended } of sessions) {
    const kind = ended ? 'disconnected' : 'connected';
    const topic = `$SYS/brokers/+/clients/{device}/${kind}`;
    await presence.messages
      .find((route) => route.topic === topic)
      ?.handler({ deviceId: id, topic, qos: 1, retained: false, body: { connected_at: connectedAt } });
  }
  await presence.close();
}

/** The newest session that is known began in an hour: the broker's clock was ahead then. */
async function knowFutureSession(id: string): Promise<void> {
  await rig.database.sql`update devices set last_session_at = now() + interval '1 hour' where id = ${id}`;
}

describe('a broker whose clock was an hour ahead', () => {
  test('does not hide a device that the list of sessions shows', async () => {
    const id = await rig.addDevice('agent');
    await knowFutureSession(id);
    await rig.connect(id);
    await rig.instance.reconciler.runNow('test');
    expect(await isOnline(id)).toBe(true);
  });

  test('does not hide a device that connects later', async () => {
    const id = await rig.addDevice('agent');
    await knowFutureSession(id);
    await events(id, { connectedAt: Date.now(), ended: false });
    expect(await isOnline(id)).toBe(true);
  });

  test('does not keep a device online that is gone', async () => {
    const id = await rig.addDevice('agent');
    await rig.database.sql`update devices set connected_at = now() + interval '1 hour',
      last_session_at = now() + interval '1 hour' where id = ${id}`;
    await rig.instance.reconciler.runNow('test');
    expect(await isOnline(id)).toBe(false);
  });
});

describe('events', () => {
  test('that were learnt after the list of sessions began to be read are newer than it', async () => {
    const id = await rig.addDevice('agent');
    const connectedAt = Date.now();
    await events(id, { connectedAt, ended: false });
    const correction = createPresenceCorrection(rig.database.db);
    await correction.begin();
    await events(id, { connectedAt, ended: true });
    await correction.page([{ id, connectedAt }]);
    expect(await isOnline(id)).toBe(false);
    await events(id, { connectedAt: connectedAt + 1, ended: false });
    await correction.finish(async () => undefined);
    expect(await isOnline(id)).toBe(true);
  });

  test('that are doubled or reordered change nothing', async () => {
    const id = await rig.addDevice('agent');
    const now = Date.now();
    const old = { connectedAt: now - 10, ended: true };
    await events(id, { connectedAt: now, ended: false }, old);
    await events(id, old);
    await events(id, { connectedAt: now - 10, ended: false });
    expect(await isOnline(id)).toBe(true);
    await events(id, { connectedAt: now, ended: true }, { connectedAt: now, ended: false });
    await events(id, { connectedAt: now, ended: false });
    expect(await isOnline(id)).toBe(false);
  });

  test('with times that no database can keep do not stop the others', async () => {
    const id = await rig.addDevice('agent');
    const presence = createPresence({
      db: rig.database.db,
      clock: systemClock,
      log: silentLog(),
      onSeen: () => {},
      onConnected: () => {},
    });
    const [connected] = presence.messages;
    const message = { topic: '', qos: 1, retained: false } as const;
    const far = { connected_at: Number.MAX_SAFE_INTEGER };
    const other = await rig.addDevice('agent');
    await connected?.handler({ ...message, deviceId: other, body: far });
    await connected?.handler({ ...message, deviceId: id, body: { connected_at: Date.now() } });
    await presence.close();
    expect(await isOnline(id)).toBe(true);
  });
});

test('a device that is connected throughout is not written off because the pages of the list shifted', async () => {
  const id = await rig.addDevice('agent');
  const gone = await rig.addDevice('agent');
  await rig.connect(id);
  await rig.instance.reconciler.runNow('test');
  await rig.database.sql`update devices set connected_at = now() - interval '1 hour',
    last_session_at = now() - interval '1 hour' where id in ${rig.database.sql([gone])}`;
  await rig.database.sql`update devices set connected_at = now() - interval '1 hour' where id = ${id}`;
  const emqx = createEmqx({
    apiUrl: rig.dev.apiUrl,
    apiKey: 'simple-iot-server',
    apiSecret: 'api-secret-0123456789',
    clock: systemClock,
    random: systemRandom,
  });
  const shifted: typeof emqx = {
    ...emqx,
    async sessionsPage(page) {
      const answer = await emqx.sessionsPage(page);
      return { ...answer, data: answer.data.filter(({ clientid }) => clientid !== id) };
    },
  };
  await reconcileNow(
    {
      db: rig.database.db,
      emqx: shifted,
      clock: systemClock,
      desired: desiredState(JWT_SECRET),
      presence: () => createPresenceCorrection(rig.database.db),
    },
    true,
  );
  expect(await isOnline(id)).toBe(true);
  expect(await isOnline(gone)).toBe(false);
});

test('a device last seen in the future, by an instance whose clock was ahead, is seen again now', async () => {
  const id = await rig.addDevice('agent');
  const now = Date.now();
  const lastSeen = async () => {
    const [row] = await rig.database.sql`select last_seen_at from devices where id = ${id}`;
    return new Date(row?.last_seen_at).getTime();
  };
  await writeLastSeen(rig.database.db, new Map([[id, now + 3_600_000]]));
  await writeLastSeen(rig.database.db, new Map([[id, now]]));
  expect(await lastSeen()).toBe(now);
  await writeLastSeen(rig.database.db, new Map([[id, now - 1]]));
  expect(await lastSeen()).toBe(now);
});
