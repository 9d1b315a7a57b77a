import { describe, expect, test } from 'bun:test';
import { PacketGuard } from '../src/mqtt/packet-guard.ts';

/** PUBLISH, PINGREQ, a PUBLISH of 200 bytes, DISCONNECT. */
const stream = Buffer.concat([
  Buffer.from([0x30, 3, 0, 1, 0x61]),
  Buffer.from([0xc0, 0]),
  Buffer.from([0x30, 0xc8, 0x01]),
  Buffer.alloc(200, 0xe0),
  Buffer.from([0xe0, 0]),
]);

describe('PacketGuard', () => {
  test.each([1, 2, 3, 7, 300])('finds the packets of a stream that comes in pieces of %d bytes', (size) => {
    const guard = new PacketGuard(() => 200);
    for (let offset = 0; offset < stream.length; offset += size) {
      expect(guard.accept(stream.subarray(offset, offset + size))).toBe('ok');
    }
    expect(guard.packets).toBe(4);
  });

  test('names a packet above the limit as soon as its length is known', () => {
    const guard = new PacketGuard(() => 199);
    expect(guard.accept(stream.subarray(0, 9))).toBe('ok');
    expect(guard.accept(stream.subarray(9, 10))).toBe('tooLarge');
  });

  test('names a length of more than four bytes', () => {
    expect(new PacketGuard(() => 1e9).accept(Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80]))).toBe('malformed');
  });
});
