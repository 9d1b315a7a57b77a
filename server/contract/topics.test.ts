import { describe, expect, test } from 'bun:test';
import { linkTopic, PING_FILTERS, parseDeviceTopic, shared, topicsOfDevice } from './topics.ts';

const ID = 'd83f3248-cc83-46fb-bceb-891db3a79cce';

describe('parseDeviceTopic', () => {
  test.each([
    [`device/${ID}/ping`, 'ping'],
    [`/device/${ID}/ping`, 'ping'],
    [`device/${ID}/data`, 'data'],
    [`$SYS/brokers/emqx@127.0.0.1/clients/${ID}/connected`, 'client_connected'],
    [`$SYS/brokers/emqx@127.0.0.1/clients/${ID}/disconnected`, 'client_disconnected'],
  ])('%s belongs to the device', (topic, kind) => {
    expect(parseDeviceTopic(topic)).toEqual({ id: ID, kind });
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
    '$SYS/brokers',
  ])('%j belongs to no device', (topic) => {
    expect(parseDeviceTopic(topic)).toBeUndefined();
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

test('the server shares its subscriptions to both forms of the ping topic', () => {
  expect(PING_FILTERS.map(shared)).toEqual(['$share/server/device/+/ping', '$share/server//device/+/ping']);
});
