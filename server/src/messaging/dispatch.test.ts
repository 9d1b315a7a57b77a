import { describe, expect, test } from 'bun:test';
import type { IPublishPacket } from 'mqtt';
import { shared, topicFilter } from '../../contract/topics.ts';
import { silentLog } from '../../test/logs.ts';
import { createMetrics } from '../platform/metrics.ts';
import type { Qos } from './connection.ts';
import { createDispatcher, type DeviceMessage, type MessageHandler } from './dispatch.ts';
import { createPing, pingHandler } from './ping.ts';

const ID = 'd83f3248-cc83-46fb-bceb-891db3a79cce';
const PING = `device/${ID}/ping`;

function packet(
  topic: string,
  payload: string | Buffer,
  flags: Partial<IPublishPacket> = {},
): IPublishPacket {
  return { cmd: 'publish', topic, payload, qos: 0, dup: false, retain: false, ...flags };
}

function dispatcherWith(handlers: Readonly<Record<string, MessageHandler>>) {
  const routes = Object.entries(handlers).flatMap(([name, handler]) =>
    [`device/{device}/${name}`, `/device/{device}/${name}`].map((topic) => ({
      name,
      topic,
      qos: 1 as const,
      handler,
    })),
  );
  const counts: Record<string, number> = {};
  return { ...createDispatcher({ log: silentLog(), routes, counts }), counts: () => counts };
}

describe('the dispatcher', () => {
  test('hands a message to the handler of its topic, parsed', async () => {
    const seen: DeviceMessage[] = [];
    const dispatcher = dispatcherWith({
      ping: (message) => {
        seen.push(message);
        return 'done';
      },
    });
    await dispatcher.dispatch(packet(`/${PING}`, '{"c":"PING","x":1}', { qos: 2, retain: true }));
    const body = { c: 'PING', x: 1 };
    expect(seen).toEqual([{ deviceId: ID, topic: `/${PING}`, qos: 2, retained: true, body }]);
    expect(dispatcher.counts()).toEqual({ 'ping:done': 1 });
  });

  test.each([
    ['not_json', ''],
    ['not_json', '{'],
    ['not_json', Buffer.from([0xff, 0xfe, 0x00])],
    ['not_json', '{"c":"PING"}trailing'],
    ['not_json', `${'['.repeat(4_000)}`],
    ['not_an_object', '[]'],
    ['not_an_object', 'null'],
    ['not_an_object', '"PING"'],
    ['not_an_object', '42'],
    ['too_large', `{"c":"PING","x":"${'x'.repeat(4_096)}"}`],
    ['too_large', 'ü'.repeat(2_049)],
  ])('drops and counts what is %s: %p', async (outcome, payload) => {
    const dispatcher = dispatcherWith({ ping: () => 'done' });
    await dispatcher.dispatch(packet(PING, payload));
    expect(dispatcher.counts()).toEqual({ [`dropped:${outcome}`]: 1 });
  });

  test('takes a payload of just 4 KiB', async () => {
    const dispatcher = dispatcherWith({ ping: () => 'done' });
    const frame = '{"x":""}';
    await dispatcher.dispatch(packet(PING, `{"x":"${'x'.repeat(4_096 - frame.length)}"}`));
    expect(dispatcher.counts()).toEqual({ 'ping:done': 1 });
  });

  test.each(['x', '', `device/${ID}/other`, `device/${ID}/constructor`, 'device/x/ping', '$SYS/x'])(
    'drops and counts the topic %j',
    async (topic) => {
      const dispatcher = dispatcherWith({ ping: () => 'done' });
      await dispatcher.dispatch(packet(topic, '{"c":"PING"}'));
      expect(dispatcher.counts()).toEqual({ 'dropped:unknown_topic': 1 });
    },
  );

  test('goes on after a handler that throws or rejects', async () => {
    const failures: MessageHandler[] = [
      () => {
        throw new Error('thrown');
      },
      () => Promise.reject(new Error('rejected')),
      () => {
        throw 'not even an error';
      },
    ];
    const dispatcher = dispatcherWith({ ping: (message) => failures.shift()?.(message) ?? 'done' });
    for (let sent = 0; sent < 4; sent++) await dispatcher.dispatch(packet(PING, '{}'));
    expect(dispatcher.counts()).toEqual({ 'dropped:handler_failed': 3, 'ping:done': 1 });
  });

  test('a message cannot reach the prototype of what handles it', async () => {
    const dispatcher = dispatcherWith({ ping: ({ body }) => (body.c === undefined ? 'ignored' : 'reached') });
    await dispatcher.dispatch(packet(PING, '{"__proto__":{"c":"PING"}}'));
    expect(dispatcher.counts()).toEqual({ 'ping:ignored': 1 });
    expect(({} as Record<string, unknown>).c).toBeUndefined();
  });
});

describe('the ping handler', () => {
  function handlerWith(online: boolean) {
    const sent: unknown[] = [];
    const seen: string[] = [];
    const deps = {
      publish: (topic: string, payload: string, qos: Qos) => {
        sent.push({ topic, payload, qos });
        return online;
      },
      onSeen: (id: string) => seen.push(id),
      metrics: createMetrics(),
    };
    const handler = pingHandler(deps, () => {});
    return { sent, seen, dispatcher: dispatcherWith({ ping: handler }) };
  }

  test.each([0, 1, 2] as const)('answers a PING of QoS %i with one PONG of the same', async (qos) => {
    const { sent, seen, dispatcher } = handlerWith(true);
    await dispatcher.dispatch(packet(PING, '{"c":"PING"}', { qos }));
    expect(sent).toEqual([{ topic: PING, payload: '{"c":"PONG"}', qos }]);
    expect(seen).toEqual([ID]);
    expect(dispatcher.counts()).toEqual({ 'ping:answered': 1 });
  });

  test.each([
    ['a PONG', '{"c":"PONG"}', {}, 'ping:pong_ignored'],
    ['a retained PING', '{"c":"PING"}', { retain: true }, 'ping:retained_ignored'],
    ['another case', '{"c":"ping"}', {}, 'ping:ignored'],
    ['no c', '{}', {}, 'ping:ignored'],
    ['a c that is no text', '{"c":["PING"]}', {}, 'ping:ignored'],
  ])('neither answers nor notes %s', async (_, payload, flags, outcome) => {
    const { sent, seen, dispatcher } = handlerWith(true);
    await dispatcher.dispatch(packet(PING, payload, flags));
    expect({ sent, seen }).toEqual({ sent: [], seen: [] });
    expect(dispatcher.counts()).toEqual({ [outcome]: 1 });
  });

  test('counts a PONG that could not be sent', async () => {
    const { dispatcher } = handlerWith(false);
    await dispatcher.dispatch(packet(PING, '{"c":"PING"}'));
    expect(dispatcher.counts()).toEqual({ 'ping:not_sent': 1 });
  });
});

test('the server shares its subscriptions to both forms of the ping topic', () => {
  const { messages } = createPing({ publish: () => true, onSeen: () => {}, metrics: createMetrics() });
  expect(messages.map(({ topic }) => shared(topicFilter(topic)))).toEqual([
    '$share/server/device/+/ping',
    '$share/server//device/+/ping',
  ]);
});
