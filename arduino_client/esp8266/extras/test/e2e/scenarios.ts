import type { World } from './world.ts';
import { tokenOf } from './world.ts';

export const SCENARIOS: Record<string, (world: World) => Promise<void>> = {
  async 'first token, PING and PONG'(world) {
    const device = await world.online();
    device.tell('ping');
    await device.next('pong 2');
    const counters = await device.counters();
    expectEqual([counters.http, counters.tokens, counters.connects], [2, 1, 1]);
    const [row] = await world.stack.sql`select role, state from devices where id = ${device.uuid}`;
    expectEqual([row?.role, row?.state], ['agent', 'active']);
  },

  async 'a reboot makes no HTTP request'(world) {
    const device = await world.online();
    await device.stop();
    device.start();
    await device.next('state online');
    const counters = await device.counters();
    expectEqual([counters.http, counters.connects], [0, 1]);
  },

  async 'data arrives, in order, also what was made offline'(world) {
    const device = world.device();
    const topic = `device/${device.uuid}/data`;
    const { client, inbox: seen } = await world.session([topic]);
    await client.subscribeAsync(topic, { qos: 1 });
    device.start();
    device.tell('data {"n":1}');
    device.tell('data {"n":2}');
    await device.next('state online');
    await device.next('pong');
    device.tell('data {"n":3}');
    for (const n of [1, 2, 3]) expectEqual((await seen.next()).payload, `{"n":${n}}`);
    await client.endAsync();
  },

  async 'a paired master and agent talk on link topics, once paired'(world) {
    const master = await world.online('master');
    const agent = await world.online('agent');
    const link = `device/${agent.uuid}/master`;
    master.tell(`link ${agent.uuid}`);
    await master.next('error subscribe refused');
    const status = await world.broker(
      'PUT',
      `/authorization/sources/built_in_database/rules/clients/${master.uuid}`,
      { clientid: master.uuid, rules: [{ topic: link, action: 'all', permission: 'allow' }] },
    );
    expectEqual(status, 204);
    await world.broker('DELETE', `/clients/${master.uuid}/authorization/cache`);
    master.tell('advance 60000');
    // The subscription is not reported; a message that arrives is.
    for (let i = 0; i < 20; ++i) {
      agent.tell(`send ${link} {"from":"agent"}`);
      if (
        await master.next(`message ${link} {"from":"agent"}`, 500).then(
          () => true,
          () => false,
        )
      )
        break;
      if (i === 19) throw new Error('the master heard nothing');
    }
    master.tell(`send ${link} {"from":"master"}`);
    await agent.next(`message ${link} {"from":"master"}`);
    if (agent.lines.some((line) => line.includes('"from":"agent"')))
      throw new Error('the agent heard itself');
  },

  async 'a command is answered, a repeated one from memory, across a reboot too'(world) {
    const device = await world.online();
    const command = `device/${device.uuid}/command`;
    const reply = `device/${device.uuid}/reply`;
    const { client, inbox: seen } = await world.session([command, reply]);
    await client.subscribeAsync(reply, { qos: 1 });
    const ask = () => client.publishAsync(command, '{"c":"LED","i":"k3V9x2","a":{"on":true}}', { qos: 1 });
    const wanted = '{"i":"k3V9x2","c":"OK","r":{"on":true}}';
    await ask();
    expectEqual((await seen.next()).payload, wanted);
    await ask();
    expectEqual((await seen.next()).payload, wanted);
    expectEqual((await device.counters()).acted, 1);
    await device.stop();
    device.start();
    await device.next('pong');
    await ask();
    expectEqual((await seen.next()).payload, wanted);
    expectEqual((await device.counters()).acted, 0);
    await client.publishAsync(command, '{"c":"FLY","i":"x"}', { qos: 1 });
    expectEqual((await seen.next()).payload, '{"i":"x","c":"ERROR","m":"no such command"}');
    await client.endAsync();
  },

  async 'a broker that restarts empty is found again'(world) {
    const device = await world.online();
    await world.stack.stopBroker();
    await device.next('error connection lost');
    await device.next('error broker unreachable');
    await world.stack.startBroker();
    await device.next('state online', 40_000);
    // The server has its own way back to the broker.
    for (let i = 0; i < 40; ++i) {
      device.tell('ping');
      if (
        await device.next('pong', 1_000).then(
          () => true,
          () => false,
        )
      )
        return;
    }
    throw new Error('no PONG came');
  },

  async 'a server that restarts disturbs nobody'(world) {
    const device = await world.online();
    await world.stack.stopServer();
    device.tell('data {"while":"down"}');
    await device.next('result none');
    // A new device has to wait.
    const other = world.device();
    other.start();
    await other.next('error server unreachable');
    await world.stack.startServer();
    await world.stack.ready();
    await other.next('state online', 40_000);
    const counters = await device.counters();
    expectEqual([counters.connects, counters.http], [1, 2]);
    device.tell('ping');
    await device.next('pong', 20_000);
  },

  async 'an expired token is replaced'(world) {
    const device = await world.online();
    await device.counters();
    device.tell(`token ${tokenOf(device.uuid, 1, -60)}`);
    await device.next('flash saved');
    await device.stop();
    device.start();
    await device.next('error broker refused');
    await device.next('state online');
    const counters = await device.counters();
    expectEqual([counters.refusals, counters.tokens], [1, 1]);
  },

  async 'a superseded token is replaced at renewal'(world) {
    const device = await world.online();
    await world.stack.sql`update devices set generation = 2 where id = ${device.uuid}`;
    device.tell('renew');
    await device.next('state connecting');
    await device.next('state online');
    const counters = await device.counters();
    expectEqual([counters.tokens, counters.connects], [2, 2]);
  },

  async 'a revoked device asks hourly'(world) {
    const device = await world.online();
    await world.stack.sql`update devices set state = 'revoked' where id = ${device.uuid}`;
    await world.broker('POST', '/banned', { as: 'username', who: `${device.uuid}.1`, until: 'infinity' });
    await world.broker('DELETE', `/clients/${device.uuid}`);
    await device.next('error broker refused');
    await device.next('error revoked 403');
    const http = (await device.counters()).http;
    device.tell('advance 3590000');
    await Bun.sleep(300);
    expectEqual((await device.counters()).http, http);
    await world.stack.sql`update devices set state = 'active', generation = 2 where id = ${device.uuid}`;
    device.tell('advance 300000');
    await device.next('state online');
  },

  async 'a wrong key is reported, and not hammered with'(world) {
    const device = world.device();
    device.start({ key: 'wrong' });
    await device.next('error bad credential 401');
    const waiting =
      device.lines.findLast((line) => line.startsWith('state waiting')) ??
      (await device.next('state waiting'));
    const wait = Number(waiting.split(' ')[2]);
    if (!(wait > 3_590_000)) throw new Error(`waits ${wait} ms`);
    await device.stop();
    device.start();
    await device.next('state online');
  },

  async 'Wi-Fi that comes and goes'(world) {
    const device = await world.online();
    for (let i = 0; i < 3; ++i) {
      device.tell('wifi off');
      await device.next('state waiting for Wi-Fi');
      device.tell(`data {"n":${i}}`);
      await device.next('result none');
      device.tell('wifi on');
      await device.next('state online');
    }
    const counters = await device.counters();
    expectEqual([counters.connects, counters.http, counters.dropped], [4, 2, 0]);
  },

  async 'millis() wraps, with a renewal across it'(world) {
    const device = world.device();
    device.start({ millis: 2 ** 32 - 4000 });
    await device.next('pong');
    for (let i = 0; i < 100; ++i) {
      if (((await device.counters()).millis ?? 0) < 1e9) break;
      await Bun.sleep(100);
    }
    device.tell('ping');
    await device.next('pong 2');
    expectEqual((await device.counters()).connects, 1);
    // 80 % of 14 days, in steps, so that keep-alive has its turn.
    device.tell(`advance ${12 * 86_400_000}`);
    for (let i = 0; i < 100 && ((await device.counters()).tokens ?? 0) < 2; ++i) await Bun.sleep(100);
    expectEqual((await device.counters()).tokens, 2);
    device.tell('ping');
    await device.next('pong');
  },

  async 'power cut while the token is written, at many places'(world) {
    const device = await world.online();
    for (let bytes = 0; bytes < 5000; bytes += 700) {
      device.tell(`cut ${bytes}`);
      device.tell('renew');
      const cut = (await device.next(['power cut', 'state online'])) === 'power cut';
      await device.stop(cut ? 'none' : 'SIGKILL');
      device.start();
      await device.next('state online');
      await device.next('pong');
      // The old token or the new one was there: no registration anew.
      expectEqual((await device.counters()).tokens, 0);
    }
  },
};

function expectEqual(actual: unknown, wanted: unknown): void {
  if (JSON.stringify(actual) !== JSON.stringify(wanted)) {
    throw new Error(`wanted ${JSON.stringify(wanted)}, got ${JSON.stringify(actual)}`);
  }
}
