import type { RecordNumber } from '../contract/messages.ts';
import type { Random } from '../src/platform/random.ts';

/** Telemetry records that the server has not acknowledged yet, numbered as docs/protocol.md, section 4, has it. */
export interface NumberedRecords {
  /** Numbers a record and keeps it. Past `limit` the oldest one is lost. Returns it as it is sent. */
  add(record: Readonly<Record<string, unknown>>): string;
  /** Forgets what is acknowledged: every record of this boot up to `n`. Returns whether there was one. */
  acknowledge(upTo: RecordNumber): boolean;
  /** What has to be sent again, oldest first. */
  pending(): Iterable<string>;
  size(): number;
  /** Records that were given up because there were too many. */
  lost(): number;
}

/** @param limit how many records are kept at most. */
export function createNumberedRecords(random: Random, limit: number): NumberedRecords {
  const b = new DataView(random.bytes(4).slice().buffer).getUint32(0);
  const kept = new Map<number, string>();
  let n = 0;
  let lost = 0;
  return {
    add(record) {
      n++;
      const payload = JSON.stringify({ ...record, b, n });
      kept.set(n, payload);
      if (kept.size > limit) {
        const [oldest] = kept.keys();
        if (oldest !== undefined) kept.delete(oldest);
        lost++;
      }
      return payload;
    },
    acknowledge(upTo) {
      if (upTo.b !== b) return false;
      const before = kept.size;
      for (const number of kept.keys()) {
        if (number > upTo.n) break;
        kept.delete(number);
      }
      return kept.size < before;
    },
    pending: () => kept.values(),
    size: () => kept.size,
    lost: () => lost,
  };
}
