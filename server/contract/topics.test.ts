import { describe, expect, test } from 'bun:test';
import { linkTopic, topicMatcher, topicsOfDevice } from './topics.ts';

const ID = 'd83f3248-cc83-46fb-bceb-891db3a79cce';

describe('topicMatcher', () => {
  test.each([
    ['device/{device}/ping', `device/${ID}/ping`],
    ['/device/{device}/ping', `/device/${ID}/ping`],
    ['device/{device}/data', `device/${ID}/data`],
    ['$SYS/brokers/+/clients/{device}/connected', `$SYS/brokers/emqx@127.0.0.1/clients/${ID}/connected`],
  ])('%s finds the device of %s', (template, topic) => {
    expect(topicMatcher(template)(topic)).toBe(ID);
  });

  test.each([
    '',
    'device',
    `device/${ID}`,
    `device/${ID}/`,
    `device/${ID}/ping/`,
    `device/${ID}/ping/x`,
    `//device/${ID}/ping`,
    `Device/${ID}/ping`,
    `device/${ID.toUpperCase()}/ping`,
    `device/${ID}/PING`,
    `device/${ID}x/ping`,
    `device/{${ID}}/ping`,
    'device/00000000-0000-0000-0000-000000000000/ping',
    'device/ffffffff-ffff-ffff-ffff-ffffffffffff/ping',
    'device/server-1/ping',
    `x/device/${ID}/ping`,
    `device/${ID}/ping\n`,
    'device/+/ping',
    `device/${ID}/data`,
    '$SYS/brokers',
  ])('%j belongs to no device', (topic) => {
    for (const template of ['device/{device}/ping', '/device/{device}/ping']) {
      expect(topicMatcher(template)(topic)).toBeUndefined();
    }
  });
});

test('a device has the topics of the contract and no other', () => {
  expect(topicsOfDevice(ID)).toEqual([
    { topic: `device/${ID}/ping`, action: 'all' },
    { topic: `/device/${ID}/ping`, action: 'all' },
    { topic: `device/${ID}/data`, action: 'all' },
    { topic: linkTopic(ID), action: 'all' },
    { topic: `device/${ID}/command`, action: 'subscribe' },
    { topic: `device/${ID}/reply`, action: 'publish' },
    { topic: `device/${ID}/ack`, action: 'subscribe' },
    { topic: `device/${ID}/about`, action: 'publish' },
  ]);
});
