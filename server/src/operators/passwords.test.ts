import { afterEach, expect, spyOn, test } from 'bun:test';
import { systemRandom } from '../platform/random.ts';
import { createPasswords } from './passwords.ts';

const spies: { mockRestore(): void }[] = [];
afterEach(() => {
  for (const spy of spies.splice(0)) spy.mockRestore();
});

test('a password matches its own hash and no other, however its accents are typed', async () => {
  const passwords = createPasswords(systemRandom);
  const hash = await passwords.hash('pässwörd of someone');
  expect(await passwords.verify('pässwörd of someone'.normalize('NFD'), hash)).toBe(true);
  expect(await passwords.verify('passwörd of someone', hash)).toBe(false);
  expect(await passwords.hash('pässwörd of someone')).not.toBe(hash);
});

test('nothing matches without a hash', async () => {
  expect(await createPasswords(systemRandom).verify('', undefined)).toBe(false);
});

test('two hashes are computed at a time, 64 wait, and more are refused', async () => {
  let running = 0;
  let most = 0;
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  spies.push(
    spyOn(Bun.password, 'hash').mockImplementation(async () => {
      most = Math.max(most, ++running);
      await opened;
      running--;
      return 'hash';
    }),
  );
  const passwords = createPasswords(systemRandom);
  const results = Array.from({ length: 70 }, () =>
    passwords.hash('some password').catch((error) => error.code),
  );
  open();
  const outcomes = await Promise.all(results);
  expect(most).toBe(2);
  expect(outcomes.filter((outcome) => outcome === 'hash')).toHaveLength(66);
  expect(outcomes.filter((outcome) => outcome === 'unavailable')).toHaveLength(4);
  expect(await passwords.hash('afterwards')).toBe('hash');
});
