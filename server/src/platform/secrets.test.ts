import { describe, expect, test } from 'bun:test';
import { vectors } from '../../test/vectors.ts';
import { deviceKey, isDeviceKey, secretDigest } from './secrets.ts';

describe('deviceKey', () => {
  test.each(vectors.device_keys)('of $role_secret, $uuid and number $key_number is the vector', (vector) => {
    const { role_secret, uuid, key_number, key } = vector;
    expect(deviceKey(role_secret, uuid, key_number)).toBe(key);
    expect(key).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });
});

test('isDeviceKey takes the key of this role and UUID alone', () => {
  const [vector, other] = vectors.device_keys;
  if (!vector || !other) throw new Error('two vectors are needed');
  const { role_secret, uuid, key } = vector;
  expect(isDeviceKey(key, role_secret, uuid)).toBe(true);
  expect(isDeviceKey(key, role_secret, uuid.toUpperCase())).toBe(true);
  for (const wrong of ['', key.slice(1), `${key}=`, key.toLowerCase(), 'é'.repeat(43), other.key]) {
    expect(isDeviceKey(wrong, role_secret, uuid)).toBe(false);
  }
});

describe('secretDigest', () => {
  test('matches its secret alone', () => {
    const digest = secretDigest('agent-secret-0123456789');
    expect(digest.matches('agent-secret-0123456789')).toBe(true);
    for (const other of [
      '',
      'agent-secret-012345678',
      'agent-secret-01234567890',
      'Agent-secret-0123456789',
    ]) {
      expect(digest.matches(other)).toBe(false);
    }
  });

  test('matches a secret beyond ASCII whether its header carried UTF-8 or Latin-1', () => {
    const secret = 'schlüssel-mit-ümlaut-0123';
    const digest = secretDigest(secret);
    expect(digest.matches(secret)).toBe(true);
    expect(digest.matches(Buffer.from(secret, 'utf8').toString('latin1'))).toBe(true);
    expect(digest.matches(secret.normalize('NFD'))).toBe(false);
  });
});
