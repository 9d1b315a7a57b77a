import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { MqttClient } from 'mqtt';
import { desiredState } from '../src/broker/desired-state.ts';
import { createEmqx } from '../src/broker/emqx.ts';
import { reconcileNow } from '../src/broker/reconcile-now.ts';
import { foundDifferences } from '../src/broker/report.ts';
import { systemClock } from '../src/platform/clock.ts';
import { systemRandom } from '../src/platform/random.ts';
import { createPresenceCorrection } from '../src/presence/correction.ts';
import { type BrokerRig, startBrokerRig } from './broker-rig.ts';
import { inbox, JWT_SECRET, until } from './harness.ts';

let rig: BrokerRig;

beforeAll(async () => {
  rig = await startBrokerRig();
}, 60_000);
afterAll(() => rig.close());

const link = (id: string) => `device/${id}/master`;

async function granted(client: MqttClient, topic: string): Promise<boolean> {
  const [grant] = await client.subscribeAsync(topic, { qos: 1 }).catch(() => []);
  return grant !== undefined && grant.qos < 3;
}

function closed(client: MqttClient): Promise<void> {
  return new Promise((resolve) => client.once('close', () => resolve()));
}

/** Reconciles with the broker by itself; `calls` collects what is asked of its REST API. */
function reconcileBy(repair: boolean, calls: string[] = []) {
  const emqx = createEmqx({
    apiUrl: rig.dev.apiUrl,
    apiKey: 'simple-iot-server',
    apiSecret: 'api-secret-0123456789',
    clock: systemClock,
    random: systemRandom,
    fetch: Object.assign(
      (input: string | URL | Request, init?: RequestInit) => {
        calls.push(`${init?.method} ${new URL(String(input)).pathname.replace('/api/v5', '')}`);
        return fetch(input, init);
      },
      { preconnect: fetch.preconnect },
    ),
  });
  const desired = desiredState(JWT_SECRET);
  const { db } = rig.database;
  const presence = () => createPresenceCorrection(db);
  return reconcileNow({ db, emqx, clock: systemClock, desired, presence }, repair);
}

/** The broker's REST API as an operator uses it. */
async function broker(method: string, path: string, body?: unknown): Promise<unknown> {
  const answer = await fetch(`${rig.dev.apiUrl}${path}`, {
    method,
    headers: {
      authorization: `Basic ${btoa('simple-iot-server:api-secret-0123456789')}`,
      'content-type': 'application/json',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  expect(answer.status).toBeLessThan(300);
  const text = await answer.text();
  return text === '' ? undefined : JSON.parse(text);
}

const look = () => reconcileBy(false);

describe('a change of pairs', () => {
  test('opens the link in both directions before the receipt, without a reconnect', async () => {
    const master = await rig.addDevice('master');
    const agent = await rig.addDevice('agent');
    const onMaster = await rig.connect(master);
    const onAgent = await rig.connect(agent);
    expect(await granted(onMaster, link(agent))).toBe(false);
    expect(await granted(onAgent, link(master))).toBe(false);

    const receipt = await rig.change(`update devices set master_id = '${master}' where id = '${agent}'`, [
      agent,
      master,
    ]);
    expect(receipt.status).toBe('applied');
    expect(await granted(onMaster, link(agent))).toBe(true);
    expect(await granted(onAgent, link(master))).toBe(true);
    const received = inbox(onAgent);
    await onMaster.publishAsync(link(master), '{"c":"HELLO"}', { qos: 1 });
    expect((await received.next()).payload).toBe('{"c":"HELLO"}');
    expect([onMaster.connected, onAgent.connected]).toEqual([true, true]);
  });

  test('closes the link: existing subscriptions receive nothing after the receipt', async () => {
    const master = await rig.addDevice('master');
    const agent = await rig.addDevice('agent', master);
    await rig.instance.reconciler.runNow('test');
    const onMaster = await rig.connect(master);
    const onAgent = await rig.connect(agent);
    expect(await granted(onAgent, link(master))).toBe(true);
    expect(await granted(onAgent, `$share/x/${link(master)}`)).toBe(true);
    expect(await granted(onMaster, link(agent))).toBe(true);
    expect(await granted(onAgent, link(agent))).toBe(true);
    const received = inbox(onAgent);

    const receipt = await rig.change(`update devices set master_id = null where id = '${agent}'`, [
      agent,
      master,
    ]);
    expect(receipt.status).toBe('applied');
    await onMaster.publishAsync(link(master), '{"c":"SECRET"}', { qos: 1 });
    await onMaster.publishAsync(link(agent), '{"c":"REFUSED"}', { qos: 1 });
    await onAgent.publishAsync(`device/${agent}/data`, '{}', { qos: 1 });
    const marker = await rig.connect(await rig.addDevice('agent'));
    await marker.endAsync();
    expect(received.all).toEqual([]);
    expect([onMaster.connected, onAgent.connected]).toEqual([true, true]);
    expect(await granted(onAgent, link(master))).toBe(false);
    const emptied = await look();
    expect(foundDifferences(emptied)).toBe(false);
  });
});

describe('revocation and rotation', () => {
  test('a revoked device is disconnected and denied; once restored, it is admitted again', async () => {
    const id = await rig.addDevice('agent');
    const client = await rig.connect(id);
    const gone = closed(client);
    const revoked = await rig.change(`update devices set state = 'revoked' where id = '${id}'`, [id]);
    expect(revoked).toMatchObject({ status: 'applied', steps: [`client id ${id} banned`] });
    await gone;
    await expect(rig.connect(id)).rejects.toMatchObject({ code: 5 });

    const restored = await rig.change(`update devices set state = 'active' where id = '${id}'`, [id]);
    expect(restored).toMatchObject({ status: 'applied', steps: [`ban of client id ${id} lifted`] });
    expect((await rig.connect(id)).connected).toBe(true);
  });

  test('a ban that somebody else made for a while does not stand for that of a revoked device', async () => {
    const [synced, reconciled] = [await rig.addDevice('agent'), await rig.addDevice('agent')];
    const soon = new Date(Date.now() + 3_600_000).toISOString();
    for (const who of [synced, reconciled]) {
      await broker('POST', '/banned', { as: 'clientid', who, by: 'operator', until: soon });
    }
    const revoked = await rig.change(`update devices set state = 'revoked' where id = '${synced}'`, [synced]);
    expect(revoked.steps).toContain(`client id ${synced} banned`);
    await rig.database.sql`update devices set state = 'revoked' where id = ${reconciled}`;
    await rig.instance.reconciler.runNow('test');
    for (const who of [synced, reconciled]) {
      expect(await broker('GET', `/banned?clientid=${who}`)).toMatchObject({
        data: [{ by: 'simple-iot-server', until: 'infinity' }],
      });
    }
    expect(foundDifferences(await look())).toBe(false);
  });

  test('the old generation is disconnected and denied while the new one is admitted', async () => {
    const id = await rig.addDevice('agent');
    const client = await rig.connect(id);
    const gone = closed(client);
    const receipt = await rig.change(
      `with banned as (insert into username_bans values ('${id}.1', '${id}', now() + interval '1 hour'))
       update devices set generation = 2 where id = '${id}'`,
      [id],
    );
    expect(receipt.steps).toEqual([`user name ${id}.1 banned`, `session of ${id} ended`]);
    await gone;
    await expect(rig.connect(id, 1)).rejects.toMatchObject({ code: 5 });
    expect((await rig.connect(id, 2)).connected).toBe(true);
  });
});

describe('a sync that ended between the rules and the cache of decisions', () => {
  test('is made good by the next one', async () => {
    const master = await rig.addDevice('master');
    const agent = await rig.addDevice('agent', master);
    await rig.instance.reconciler.runNow('test');
    const onAgent = await rig.connect(agent);
    const onMaster = await rig.connect(master);
    expect(await granted(onMaster, link(agent))).toBe(true);
    await onAgent.publishAsync(link(master), '{"c":"HELLO"}', { qos: 1 });
    await rig.database.sql`update devices set master_id = null where id = ${agent}`;
    for (const id of [agent, master]) {
      await broker('DELETE', `/authorization/sources/built_in_database/rules/clients/${id}`);
    }
    expect(await granted(onMaster, link(agent))).toBe(true);
    await rig.change('select 1', [agent, master]);
    expect(await granted(onMaster, link(agent))).toBe(false);
  });
});

describe('a broker that cannot be reached', () => {
  test('queues changes and applies them after its return', async () => {
    const id = await rig.addDevice('agent');
    await rig.stopBroker();
    const receipt = await rig.change(`update devices set state = 'revoked' where id = '${id}'`, [id]);
    expect(receipt).toMatchObject({ status: 'queued', steps: [], effectiveAfterMs: null });
    expect(receipt.reason).toBeString();
    await rig.startBroker();
    const emqx = `${rig.dev.apiUrl}/banned?clientid=${id}`;
    const headers = { authorization: `Basic ${btoa('simple-iot-server:api-secret-0123456789')}` };
    await until(
      'the ban is there',
      async () => ((await (await fetch(emqx, { headers })).json()) as { data: unknown[] }).data.length === 1,
      10_000,
    );
    await until(
      'the queue is empty',
      async () => (await rig.database.sql`select from broker_changes`).length === 0,
    );
    await rig.instance.reconciler.runNow('test');
  }, 30_000);

  test('changes that no instance has applied are applied by the next one that starts', async () => {
    const id = await rig.addDevice('agent');
    const client = await rig.connect(id);
    const gone = closed(client);
    await rig.database.db.transaction(async (tx) => {
      await tx.execute(`update devices set state = 'revoked' where id = '${id}'`);
      await rig.instance.changes.enqueue(tx, [id], 'test');
    });
    const next = rig.addInstance();
    await gone;
    await until('the instance has settled', () => next.reconciler.status().state === 'ok');
  });
});

describe('reconciliation', () => {
  test('finds and fixes differences, and leaves foreign objects alone', async () => {
    const master = await rig.addDevice('master');
    const agents = await Promise.all([1, 2, 3].map(() => rig.addDevice('agent', master)));
    const revoked = await rig.addDevice('agent');
    await rig.database.sql`update devices set state = 'revoked' where id = ${revoked}`;
    const allow = { topic: 'x', permission: 'allow', action: 'all' };
    const rules = '/authorization/sources/built_in_database/rules/clients';
    await broker('POST', rules, [
      { clientid: 'someone-else', rules: [allow] },
      { clientid: agents[0], rules: [allow] },
      { clientid: await rig.addDevice('agent'), rules: [allow] },
    ]);
    await broker('POST', '/banned', { as: 'clientid', who: 'a-bad-one', by: 'operator' });
    await broker('POST', '/banned', { as: 'clientid', who: agents[1], by: 'simple-iot-server' });
    await broker('PUT', '/authorization/settings', {
      no_match: 'allow',
      deny_action: 'ignore',
      cache: { enable: true },
    });

    const found = await look();
    expect(found.devices).toMatchObject({ rulesReplaced: 1, rulesRemoved: 1, bansLifted: 1, bansAdded: 1 });
    expect(found.devices.rulesAdded).toBe(3);
    expect(found.foreign).toMatchObject({ clientRules: 1, bans: 1 });
    expect(found.differences).toHaveLength(1);

    const { report } = await rig.instance.reconciler.runNow('test');
    expect(report).toEqual(found);
    const after = await look();
    expect(foundDifferences(after)).toBe(false);
    expect(after.foreign).toMatchObject({ clientRules: 1, bans: 1 });
  });

  test('ends invalid sessions, and corrects presence', async () => {
    const stays = await rig.addDevice('agent');
    const rotated = await rig.addDevice('agent');
    const away = await rig.addDevice('agent');
    await rig.connect(stays);
    const client = await rig.connect(rotated);
    await rig.database.sql`update devices set generation = 2 where id = ${rotated}`;
    await rig.database.sql`update devices set connected_at = now() - interval '1 hour' where id = ${away}`;
    const gone = closed(client);
    await rig.instance.reconciler.runNow('test');
    await gone;
    const rows = await rig.database.sql`
      select id, connected_at is not null as online from devices where id in ${rig.database.sql([stays, rotated, away])}`;
    expect(new Map(rows.map(({ id, online }) => [id, online]))).toEqual(
      new Map([
        [stays, true],
        [rotated, false],
        [away, false],
      ]),
    );
  });

  test('runs on one of two instances at a time, and both learn the result', async () => {
    const second = rig.addInstance();
    const statuses = await Promise.all(
      [rig.instance, second, rig.instance, second].map((each) => each.reconciler.runNow('test')),
    );
    expect(statuses.map(({ state }) => state)).toEqual(['ok', 'ok', 'ok', 'ok']);
  });

  test('refills a wiped broker', async () => {
    const master = await rig.addDevice('master');
    await Promise.all(Array.from({ length: 20 }, () => rig.addDevice('agent', master)));
    await rig.stopBroker();
    await rig.startBroker();
    const { state, report } = await rig.instance.reconciler.runNow('test');
    expect(state).toBe('ok');
    expect(report?.devices.rulesAdded).toBeGreaterThanOrEqual(21);
    expect(foundDifferences(await look())).toBe(false);
  });

  test('a new broker has its rules and bans before it admits anyone', async () => {
    const revoked = await rig.addDevice('agent');
    await rig.database.sql`update devices set state = 'revoked' where id = ${revoked}`;
    await rig.stopBroker();
    await rig.startBroker();
    const calls: string[] = [];
    await reconcileBy(true, calls);
    const admits = calls.indexOf('POST /authentication');
    expect(admits).toBeGreaterThan(0);
    expect(calls.indexOf('POST /authorization/sources/built_in_database/rules/all')).toBeLessThan(admits);
    expect(calls.lastIndexOf('POST /banned')).toBeLessThan(admits);
    expect(calls).toContain('POST /banned');
  });
});
