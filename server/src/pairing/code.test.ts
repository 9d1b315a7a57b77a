import { expect, test } from 'bun:test';
import { hashCode, isCodeOf, randomCode } from './code.ts';

function random(...words: readonly number[]) {
  let at = 0;
  return {
    fraction: () => 0,
    bytes(length: number) {
      const bytes = new Uint8Array(length);
      new DataView(bytes.buffer).setUint32(0, words[at++] ?? 0);
      return bytes;
    },
  };
}

test.each([
  [0, '000000'],
  [1_000_042, '000042'],
  [4_293_999_999, '999999'],
])('%d becomes %s', (word, code) => {
  expect(randomCode(random(word))).toBe(code);
});

test('values that would make some codes likelier than others are drawn again', () => {
  expect(randomCode(random(4_294_000_000, 2 ** 32 - 1, 7))).toBe('000007');
});

test('a hash is valid only for its secret, agent and code', () => {
  const hash = hashCode('secret', 'agent', '123456');
  expect(isCodeOf(hash, 'secret', 'agent', '123456')).toBe(true);
  expect(isCodeOf(hash, 'secret', 'agent', '123457')).toBe(false);
  expect(isCodeOf(hash, 'secret', 'other', '123456')).toBe(false);
  expect(isCodeOf(hash, 'other', 'agent', '123456')).toBe(false);
  expect(isCodeOf(undefined, 'secret', 'agent', '123456')).toBe(false);
  expect(isCodeOf('', 'secret', 'agent', '')).toBe(false);
});
