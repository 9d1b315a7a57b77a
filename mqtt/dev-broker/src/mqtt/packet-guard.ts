/** What a run of bytes showed; `tooLarge` and `malformed` end the connection. */
export type GuardVerdict = 'ok' | 'tooLarge' | 'malformed';

/**
 * Walks along the packet borders of an MQTT stream without keeping any of it, so that a packet above the
 * limit is noticed at its fixed header and not once it has been buffered.
 */
export class PacketGuard {
  packets = 0;
  private maxBytes: () => number;
  private skip = 0;
  private type = -1;
  private length = 0;
  private lengthBytes = 0;

  /** `maxBytes` is asked for each packet, since configuration can change. */
  constructor(maxBytes: () => number) {
    this.maxBytes = maxBytes;
  }

  accept(chunk: Uint8Array): GuardVerdict {
    let offset = 0;
    while (offset < chunk.length) {
      if (this.skip > 0) {
        const step = Math.min(this.skip, chunk.length - offset);
        this.skip -= step;
        offset += step;
        continue;
      }
      const byte = chunk[offset++] ?? 0;
      if (this.type < 0) {
        this.type = byte >> 4;
        continue;
      }
      this.length += (byte & 0x7f) * 128 ** this.lengthBytes++;
      if (byte & 0x80) {
        if (this.lengthBytes === 4) return 'malformed';
        continue;
      }
      if (this.length > this.maxBytes()) return 'tooLarge';
      this.finishHeader();
    }
    return 'ok';
  }

  private finishHeader(): void {
    this.packets++;
    this.skip = this.length;
    this.type = -1;
    this.length = 0;
    this.lengthBytes = 0;
  }
}
