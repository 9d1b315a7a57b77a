import { describe, expect, test } from 'bun:test';
import { parseDatabaseUrl } from './database-url.ts';

describe('a database URL', () => {
  test.each<[string, object]>([
    [
      'postgres://u:p@db/name',
      { host: 'db', port: 5432, user: 'u', password: 'p', database: 'name', ssl: false },
    ],
    ['postgresql://u:p@[::1]:6543/name', { host: '::1', port: 6543 }],
    ['postgres://u:p@[2001:db8::5]/name', { host: '2001:db8::5', port: 5432 }],
    ['postgres://u:100%@db/name', { password: '100%' }],
    ['postgres://u:50%zz%25@db/name', { password: '50%zz%' }],
    ['postgres://u:p%40ss%2Fword%23@db/name', { password: 'p@ss/word#' }],
    ['postgres://u%40corp:p@db/my%20name', { user: 'u@corp', database: 'my name' }],
    ['postgres://u:p@db', { database: 'u' }],
    ['postgres://u:p@db/n?sslmode=require', { ssl: 'require', settings: {} }],
    ['postgres://u:p@db/n?sslmode=disable', { ssl: false }],
    ['postgres://u:p@db/n?sslmode=verify-full&channel_binding=require', { ssl: 'verify-full', settings: {} }],
    ['postgres://u:p@db/n?application_name=x&pgbouncer=true', { settings: { application_name: 'x' } }],
  ])('is read: %s', (text, address) => {
    expect(parseDatabaseUrl(text)).toMatchObject(address);
  });

  test.each<[string, RegExp]>([
    ['postgres://u:p@db/n?schema=public', /^has the unknown parameter schema; known are sslmode, /],
    ['postgres://u:p@db/n?sslmode=maybe', /^must have disable or one of .* as sslmode$/],
    ['postgres://u:pa#ss@db/n', /^must be a URL .* percent-encoded$/],
    ['mysql://u:p@db/n', /^must be a URL/],
    ['postgres:///n', /^must be a URL/],
    ['postgres://u:%ff@db/n', /^has percent-encoded bytes that are not UTF-8$/],
  ])('is refused in words without its value: %s', (text, fault) => {
    expect(() => parseDatabaseUrl(text)).toThrow(fault);
  });
});
