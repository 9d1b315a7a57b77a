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
  expect(await passwords.verify('pässwörd of someone'.normalize('NFD'), hash, 'known')).toBe(true);
  expect(await passwords.verify('passwörd of someone', hash, 'known')).toBe(false);
  expect(await passwords.hash('pässwörd of someone')).not.toBe(hash);
});

test('nothing matches without a hash', async () => {
  expect(await createPasswords(systemRandom).verify('', undefined, 'stranger')).toBe(false);
});

/** Hashing that ends when the test lets it; what runs at once, and the most that did. */
function heldHashing() {
  let running = 0;
  let most = 0;
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  async function held<T>(result: T): Promise<T> {
    most = Math.max(most, ++running);
    await opened;
    running--;
    return result;
  }
  spies.push(spyOn(Bun.password, 'verify').mockImplementation(() => held(true)));
  return { open, most: () => most };
}

test('strangers have one hash computed at a time, 64 wait, and more are refused', async () => {
  const hashing = heldHashing();
  const passwords = createPasswords(systemRandom);
  const attempts = Array.from({ length: 70 }, () =>
    passwords.verify('some password', 'hash', 'stranger').catch((error) => error.code),
  );
  hashing.open();
  const outcomes = await Promise.all(attempts);
  expect(hashing.most()).toBe(1);
  expect(outcomes.filter((outcome) => outcome === true)).toHaveLength(65);
  expect(outcomes.filter((outcome) => outcome === 'unavailable')).toHaveLength(5);
  expect(await passwords.verify('afterwards', 'hash', 'stranger')).toBe(true);
});

test('whoever is known does not wait for a flood of strangers, nor is refused for it', async () => {
  const passwords = createPasswords(systemRandom);
  const flood = Promise.withResolvers<boolean>();
  const spy = spyOn(Bun.password, 'verify').mockImplementation(async (password) =>
    password === 'known' ? true : await flood.promise,
  );
  spies.push(spy);
  const strangers = Array.from({ length: 100 }, () =>
    passwords.verify('stranger', 'hash', 'stranger').catch(() => 'refused'),
  );
  expect(await passwords.verify('known', 'hash', 'known')).toBe(true);
  expect(await passwords.hash('the password of a new operator')).toStartWith('$argon2id$');
  flood.resolve(false);
  expect((await Promise.all(strangers)).filter((outcome) => outcome === 'refused')).toHaveLength(35);
});
