import { expect, test } from 'bun:test';
import { smtpConnection } from './email.ts';

test.each([
  ['smtp://mail.example', { port: 587, secure: false, requireTLS: false }],
  ['smtp://iot:x@mail.example', { port: 587, secure: false, requireTLS: true }],
  ['smtp://iot:x@mail.example:2525', { port: 2525, requireTLS: true }],
  ['smtp://iot:x@127.0.0.1:25', { port: 25, requireTLS: false }],
  ['smtp://iot:x@[::1]:25', { host: '::1', requireTLS: false }],
  ['smtp://iot:x@127.example', { requireTLS: true }],
  ['smtps://iot:x@mail.example', { port: 465, secure: true, requireTLS: false }],
] as const)('%s sends no password in clear', (url, expected) => {
  expect(smtpConnection(url)).toMatchObject(expected);
});

test('user and password are decoded, and left out where there are none', () => {
  expect(smtpConnection('smtp://a%40b:p%3Aq%2F@mail.example').auth).toEqual({ user: 'a@b', pass: 'p:q/' });
  expect(smtpConnection('smtp://mail.example').auth).toBeUndefined();
});
