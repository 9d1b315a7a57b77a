import { describe, expect, test } from 'bun:test';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { manualClock } from '../../test/clocks.ts';
import { isOlderGeneration, vectors } from '../../test/vectors.ts';
import { createTokens, mqttUsername } from './token.ts';

const DAY_SECONDS = 86_400;
const LAST_GENERATION = 2_147_483_647;

const clock = manualClock(vectors.now * 1000);
const tokens = await createTokens({ jwtSecret: vectors.jwt_secret, ttlSeconds: 14 * DAY_SECONDS, clock });
const subject = { id: vectors.uuid, role: 'agent', generation: 1 } as const;

describe('verify', () => {
  test.each(vectors.tokens)('judges the vector "$name" as the contract says', async (vector) => {
    const check = await tokens.verify(vector.token);
    // What the signature and the times cannot tell is left to the database.
    const expected = isOlderGeneration(vector)
      ? 'ok'
      : vector.http.replace('no_credential', 'bad_credential');
    expect(check.ok ? 'ok' : check.reason).toBe(expected);
  });

  test('gives back what was issued', async () => {
    for (const role of ['master', 'agent'] as const) {
      const issued = await tokens.issue({ id: vectors.uuid, role, generation: 42 });
      expect(await tokens.verify(issued.token)).toEqual({
        ok: true,
        subject: { id: vectors.uuid, role, generation: 42 },
      });
    }
  });

  test('takes a token until the second before it expires', async () => {
    const own = manualClock(vectors.now * 1000);
    const short = await createTokens({ jwtSecret: vectors.jwt_secret, ttlSeconds: 60, clock: own });
    const { token } = await short.issue(subject);
    own.advance(59_999);
    expect((await short.verify(token)).ok).toBe(true);
    own.advance(1);
    expect(await short.verify(token)).toEqual({ ok: false, reason: 'expired' });
  });

  test('refuses a token of another secret', async () => {
    const other = await createTokens({ jwtSecret: `${vectors.jwt_secret}x`, ttlSeconds: 60, clock });
    const { token } = await other.issue(subject);
    expect(await tokens.verify(token)).toEqual({ ok: false, reason: 'bad_credential' });
  });

  test('refuses every single change of a character', async () => {
    const { token } = await tokens.issue(subject);
    // The last character of a signature holds bits that no byte has, so it may change without a difference.
    for (let at = 0; at < token.length - 1; at++) {
      const changed = `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`;
      expect((await tokens.verify(changed)).ok).toBe(false);
    }
  });

  test('refuses a generation that no device can have', async () => {
    for (const generation of [0, -1, 1.5, Number.NaN]) {
      const { token } = await tokens.issue({ ...subject, generation });
      expect(await tokens.verify(token)).toEqual({ ok: false, reason: 'bad_credential' });
    }
  });
});

describe('issue', () => {
  test('carries the claims of the contract and nothing else', async () => {
    const { token, username, expiresInSeconds, issuedAt } = await tokens.issue(subject);
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'HS256' });
    expect(decodeJwt<Record<string, unknown>>(token)).toEqual({
      sub: vectors.uuid,
      username: `${vectors.uuid}.1`,
      role: 'agent',
      iat: vectors.now,
      exp: vectors.now + 14 * DAY_SECONDS,
    });
    expect({ username, expiresInSeconds, issuedAt }).toEqual({
      username: mqttUsername(vectors.uuid, 1),
      expiresInSeconds: 14 * DAY_SECONDS,
      issuedAt: vectors.now,
    });
  });

  test('stays under 400 characters with the longest claims there can be', async () => {
    const late = manualClock(9_999_999_999_000);
    const longest = await createTokens({
      jwtSecret: vectors.jwt_secret,
      ttlSeconds: 366 * DAY_SECONDS,
      clock: late,
    });
    const { token } = await longest.issue({ id: vectors.uuid, role: 'master', generation: LAST_GENERATION });
    expect(token.length).toBeLessThan(400);
    expect((await longest.verify(token)).ok).toBe(true);
  });
});

test('a token of the server itself is no device token', async () => {
  const acl = [{ permission: 'allow', action: 'all', topic: 'device/+/ping' }] as const;
  const token = await tokens.issueForServer('server-1', acl, 60);
  expect(decodeJwt<Record<string, unknown>>(token)).toEqual({
    sub: 'server-1',
    username: 'server-1',
    acl: [...acl],
    iat: vectors.now,
    exp: vectors.now + 60,
  });
  expect(await tokens.verify(token)).toEqual({ ok: false, reason: 'bad_credential' });
  const asDevice = await tokens.issueForServer(vectors.uuid, [], 60);
  expect(await tokens.verify(asDevice)).toEqual({ ok: false, reason: 'bad_credential' });
});
