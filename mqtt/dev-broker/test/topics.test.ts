import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { matchWords, parseFilter } from '../src/topics.ts';
import { type ImageBroker, provisionImage, startImageBroker } from './image-broker.ts';
import { picker } from './picker.ts';
import { connect } from './target.ts';

const matches = (name: string, filter: string) => matchWords(name.split('/'), filter.split('/'));

describe('matchWords', () => {
  const cases: [string, string, boolean][] = [
    ['a', 'a', true],
    ['a', 'b', false],
    ['a/b', 'a', false],
    ['a', 'a/b', false],
    ['a', '+', true],
    ['/a', '+', false],
    ['/a', '+/+', true],
    ['/a', '/a', true],
    ['a/', 'a/+', true],
    ['a/', 'a', false],
    ['a', 'a/#', true],
    ['a/b/c', 'a/#', true],
    ['ab', 'a/#', false],
    ['$SYS/a', '#', false],
    ['$SYS/a', '+/a', false],
    ['$SYS/a', '$SYS/#', true],
    ['a/$b', 'a/+', true],
    // A filter as the name: what it covers must stand at or above the wildcard of the rule.
    ['a/+', 'a/+', true],
    ['a/+', 'a/b', false],
    ['a/#', 'a/+', true],
    ['a/#', 'a/#', true],
    ['#', '#', true],
    ['#', 'a/#', false],
    ['+/a', '+/+', true],
  ];
  test.each(cases)('%s by %s: %p', (name, filter, expected) => {
    expect(matches(name, filter)).toBe(expected);
  });
});

describe('parseFilter', () => {
  test('takes a share group off', () => {
    expect(parseFilter('$share/g/a/b')).toEqual({ raw: '$share/g/a/b', group: 'g', filter: 'a/b' });
    expect(parseFilter('$share/g//a')).toEqual({ raw: '$share/g//a', group: 'g', filter: '/a' });
    expect(parseFilter('$queue/a')).toEqual({ raw: '$queue/a', group: '$queue', filter: 'a' });
    expect(parseFilter('a/+/#')).toEqual({ raw: 'a/+/#', group: null, filter: 'a/+/#' });
  });
});

describe('the subscription table', () => {
  let broker: ImageBroker;
  beforeAll(async () => {
    broker = await startImageBroker();
    await provisionImage(broker);
  });
  afterAll(() => broker.close());

  test('gives one copy for each filter that matches, whatever was subscribed and ended before', async () => {
    const acl = ['#', '$x/#'].map((topic) => ({ permission: 'allow', action: 'all', topic }));
    const options = { claims: { acl } };
    const subscriber = await connect(broker.serverUrl, 'subscriber', options);
    const publisher = await connect(broker.serverUrl, 'publisher', options);
    await subscriber.subscribe('fence/of/this');
    const pick = picker(7);
    const words = ['a', 'b', '', '$x'];
    const filters = new Set<string>();
    for (let round = 0; round < 6; round++) {
      const fresh = [...new Set(Array.from({ length: 20 }, () => randomFilter(pick, words)))];
      for (const filter of fresh) filters.add(filter);
      await subscriber.subscribe(fresh);
      const ended = [...filters].filter(() => pick(3) === 0);
      for (const filter of ended) filters.delete(filter);
      await subscriber.mqtt.unsubscribeAsync(ended);

      const expected: Record<string, number> = {};
      for (let i = 0; i < 20; i++) {
        const topic = Array.from({ length: 1 + pick(3) }, () => words[pick(words.length)]).join('/');
        if (topic === '') continue;
        await publisher.publish(topic, `${i}`);
        const copies = [...filters].filter((filter) => matches(topic, filter)).length;
        if (copies > 0) expected[`${i} ${topic}`] = copies;
      }
      await publisher.publish('fence/of/this', 'fence');
      const received: Record<string, number> = {};
      for (;;) {
        const { topic, text } = await subscriber.next();
        // A filter such as +/# sees the fence as well.
        if (text === 'fence') break;
        received[`${text} ${topic}`] = (received[`${text} ${topic}`] ?? 0) + 1;
      }
      expect(received).toEqual(expected);
      for (let i = fenceCopies(filters); i > 1; i--) expect((await subscriber.next()).text).toBe('fence');
    }
  });
});

function fenceCopies(filters: ReadonlySet<string>): number {
  return 1 + [...filters].filter((filter) => matches('fence/of/this', filter)).length;
}

function randomFilter(pick: (limit: number) => number, words: readonly string[]): string {
  const parts = Array.from({ length: 1 + pick(3) }, () => ['+', ...words][pick(words.length + 1)]);
  const filter = (pick(4) === 0 ? [...parts, '#'] : parts).join('/');
  return filter === '' ? '#' : filter;
}
