import { expect, test } from 'bun:test';
import { Hono } from 'hono';
import { requestOrigin } from './request-origin.ts';

async function originOf(trustedHops: number, url: string, forwarded?: string): Promise<string> {
  const app = new Hono().get('/', (c) => c.text(requestOrigin(c, trustedHops)));
  const headers = {
    host: 'iot.example',
    ...(forwarded === undefined ? {} : { 'x-forwarded-proto': forwarded }),
  };
  return (await app.request(url, { headers })).text();
}

test.each([
  ['no proxy', 0, 'http://iot.example/', undefined, 'http://iot.example'],
  ['no proxy, TLS of its own', 0, 'https://iot.example/', undefined, 'https://iot.example'],
  ['no proxy, and a client that claims one', 0, 'http://iot.example/', 'https', 'http://iot.example'],
  ['a proxy that tells', 1, 'http://iot.example/', 'https', 'https://iot.example'],
  ['a proxy that tells in capitals', 1, 'http://iot.example/', 'HTTPS', 'https://iot.example'],
  ['a proxy that tells of plain HTTP', 1, 'http://iot.example/', 'http', 'http://iot.example'],
  ['a proxy that tells nothing', 1, 'http://iot.example/', undefined, 'http://iot.example'],
  [
    'a proxy that adds to what a client claims',
    1,
    'http://iot.example/',
    'https, http',
    'http://iot.example',
  ],
  ['two proxies that each add', 2, 'http://iot.example/', 'https, http', 'https://iot.example'],
  ['two proxies of which one passes on', 2, 'http://iot.example/', 'https', 'https://iot.example'],
])('%s', async (_, hops, url, forwarded, expected) => {
  expect(await originOf(hops, url, forwarded)).toBe(expected);
});
