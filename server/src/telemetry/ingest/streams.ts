import type { RecordNumber } from './record.ts';

/** Numbers that are missing, both ends included. */
export interface Gap {
  readonly from: number;
  readonly to: number;
  /** When it was found, Unix seconds. */
  readonly since: number;
}

/** What is known of the numbers of one boot of a device: all up to `lastN` have arrived but those in `gaps`. */
export interface Stream {
  readonly lastN: number;
  /** Ascending, without overlap. */
  readonly gaps: readonly Gap[];
}

export type NumberVerdict = 'new' | 'repeated';

export interface StreamStep {
  readonly stream: Stream;
  readonly verdict: NumberVerdict;
  /** By how much the count of missing numbers changes. */
  readonly lost: number;
}

/** The first number of a boot. A device that counts from 0 loses no less: its 0 is taken when it comes first. */
const FIRST_N = 1;
/** More gaps than this are no longer told apart; the oldest is given up, and what arrives of it counts as repeated. */
const MAX_GAPS = 64;
/** After that a gap holds up the acknowledgement no longer: a device that still had the record would have sent it. */
const GIVE_UP_SECONDS = 900;

/**
 * Takes the next number of a boot into account: new, stored before, or beyond a gap.
 *
 * @param stream what is known of the boot, nothing at its first record.
 * @param firstContact whether no boot of the device is known: what it sent elsewhere, or before its history was deleted, is not missing here.
 */
export function takeNumber(
  stream: Stream | undefined,
  { n }: Pick<RecordNumber, 'n'>,
  now: number,
  firstContact = false,
): StreamStep {
  if (!stream) {
    const missing = firstContact ? 0 : Math.max(n - FIRST_N, 0);
    const gaps = missing > 0 ? [{ from: FIRST_N, to: n - 1, since: now }] : [];
    return { stream: { lastN: n, gaps }, verdict: 'new', lost: missing };
  }
  if (n > stream.lastN) {
    const missing = n - stream.lastN - 1;
    const gaps =
      missing > 0 ? [...stream.gaps, { from: stream.lastN + 1, to: n - 1, since: now }] : stream.gaps;
    return {
      stream: { lastN: n, gaps: gaps.length > MAX_GAPS ? gaps.slice(-MAX_GAPS) : gaps },
      verdict: 'new',
      lost: missing,
    };
  }
  const at = stream.gaps.findIndex(({ from, to }) => n >= from && n <= to);
  const gap = stream.gaps[at];
  if (!gap) return { stream, verdict: 'repeated', lost: 0 };
  const { from, to, since } = gap;
  const rest = [
    { from, to: n - 1, since },
    { from: n + 1, to, since },
  ].filter((part) => part.from <= part.to);
  const gaps = stream.gaps.toSpliced(at, 1, ...rest);
  return {
    stream: { lastN: stream.lastN, gaps: gaps.length > MAX_GAPS ? gaps.slice(-MAX_GAPS) : gaps },
    verdict: 'new',
    lost: -1,
  };
}

/** The number up to which every record is stored, or missing for so long that it will not come. */
export function acknowledgedUpTo(stream: Stream, now: number): number {
  const open = stream.gaps.find(({ since }) => now - since < GIVE_UP_SECONDS);
  return open ? open.from - 1 : stream.lastN;
}

/** Gaps as the database keeps them: three numbers each. */
export function flattenGaps(gaps: readonly Gap[]): number[] {
  return gaps.flatMap(({ from, to, since }) => [from, to, since]);
}

export function toGaps(flat: readonly number[]): Gap[] {
  const gaps: Gap[] = [];
  for (let index = 0; index + 2 < flat.length; index += 3) {
    gaps.push({ from: flat[index] ?? 0, to: flat[index + 1] ?? 0, since: flat[index + 2] ?? 0 });
  }
  return gaps;
}
