import { describe, expect, test } from 'bun:test';
import { Hono } from 'hono';
import { clientIp, ipNetwork } from './client-ip.ts';

/** The address that a request from `peer` with these headers counts as. */
async function addressOf(trustedHops: number, peer: string, forwarded?: string): Promise<string> {
  const app = new Hono();
  app.get('/', (c) => c.text(clientIp(c, trustedHops)));
  const server = {
    requestIP: () => ({ address: peer, family: peer.includes(':') ? 'IPv6' : 'IPv4', port: 1 }),
  };
  const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
  return await (await app.request('/', { headers }, { server })).text();
}

describe('clientIp', () => {
  test.each([
    [0, undefined, '10.0.0.9'],
    [0, '203.0.113.7', '10.0.0.9'],
    [1, undefined, '10.0.0.9'],
    [1, '203.0.113.7', '203.0.113.7'],
    [1, '1.1.1.1, 203.0.113.7', '203.0.113.7'],
    [1, '1.1.1.1,2.2.2.2,203.0.113.7', '203.0.113.7'],
    [2, '203.0.113.7', '10.0.0.9'],
    [2, '203.0.113.7, 10.0.0.8', '203.0.113.7'],
    [2, '1.1.1.1, 203.0.113.7, 10.0.0.8', '203.0.113.7'],
    [1, '1.1.1.1, 203.0.113.7:4711', '203.0.113.7'],
    [1, '[2001:DB8::1]:4711', '2001:db8::1'],
    [1, '::ffff:203.0.113.7', '203.0.113.7'],
    [1, '', '10.0.0.9'],
    [1, '1.1.1.1,', '10.0.0.9'],
    [1, '1.1.1.1, not an address', '10.0.0.9'],
  ])('with %i trusted hops and X-Forwarded-For "%s" is %s', async (hops, forwarded, expected) => {
    expect(await addressOf(hops, '10.0.0.9', forwarded)).toBe(expected);
  });

  test.each([
    ['::ffff:10.0.0.9', '10.0.0.9'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::1', '::1'],
  ])('a peer at %s counts as %s', async (peer, expected) => {
    expect(await addressOf(0, peer)).toBe(expected);
  });
});

describe('ipNetwork', () => {
  test.each([
    ['203.0.113.7', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
    ['2001:0db8:0001:0002::9', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8:0:0:1:2:3:4', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['1::', '1:0:0:0::/64'],
    ['64:ff9b::192.0.2.33', '64:ff9b:0:0::/64'],
  ])('%s belongs to %s', (ip, network) => {
    expect(ipNetwork(ip)).toBe(network);
  });

  test('neighbouring /64 networks are told apart', () => {
    expect(ipNetwork('2001:db8:1:2::1')).not.toBe(ipNetwork('2001:db8:1:3::1'));
  });
});
