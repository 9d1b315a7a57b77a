import type { RecordNumber } from './record.ts';

/** Numbers that are missing, both ends included. */
export interface Gap {
  readonly from: number;
  readonly to: number;
  /** In how many passes the device has left them out. */
  readonly passes: number;
  /** When it last did, or when the gap was found; Unix seconds. */
  readonly passedAt: number;
  /** Whether its numbers count as lost. */
  readonly counted: boolean;
}

/** What is known of the numbers of one boot of a device: all up to `lastN` have arrived but those in `gaps`. */
export interface Stream {
  readonly lastN: number;
  /** Ascending, without overlap. */
  readonly gaps: readonly Gap[];
  /** The number that came last, where a pass has got to; unknown to who has just taken over. */
  readonly at?: number;
}

export type NumberVerdict = 'new' | 'repeated';

export interface StreamStep {
  readonly stream: Stream;
  readonly verdict: NumberVerdict;
  /** By how much the count of missing numbers changes. */
  readonly lost: number;
  /** Whether the database has to learn of it. */
  readonly changed: boolean;
}

/** The first number of a boot. A device that counts from 0 loses no less: its 0 is taken when it comes first. */
const FIRST_N = 1;
/** More gaps than this are no longer told apart; one is given up, and what arrives of it counts as repeated. */
const MAX_GAPS = 64;
/** After so many passes without them the device does not have these numbers any more. */
const PASSES_UNTIL_LOST = 3;
/** Passes that follow one another faster count once: a client that repeats a message or two looks like one. */
const PASS_SECONDS = 20;

/**
 * Takes the next number of a boot into account: new, stored before, or beyond a gap.
 *
 * A device sends what it still has oldest first (docs/protocol.md, section 4), so a number that is not above the one before
 * it begins another pass, and what the pass leaves out is most likely not there any more.
 *
 * @param stream what is known of the boot, nothing at its first record.
 * @param firstContact whether no boot of the device is known: what it sent elsewhere, or before its history was deleted, does
 *   not count as lost. It is waited for like any other gap, since the device may have it still.
 */
export function takeNumber(
  stream: Stream | undefined,
  { n }: Pick<RecordNumber, 'n'>,
  now: number,
  firstContact = false,
): StreamStep {
  const known = stream ? notePass(stream, n, now) : { lastN: FIRST_N - 1, gaps: [] };
  if (!stream || n > stream.lastN) {
    const from = known.lastN + 1;
    const missing = Math.max(n - from, 0);
    const counted = stream !== undefined || !firstContact;
    const found = missing > 0 ? [{ from, to: n - 1, passes: 0, passedAt: now, counted }] : [];
    return {
      stream: { lastN: n, gaps: bounded([...known.gaps, ...found]), at: n },
      verdict: 'new',
      lost: counted ? missing : 0,
      changed: true,
    };
  }
  const index = known.gaps.findIndex(({ from, to }) => n >= from && n <= to);
  const gap = known.gaps[index];
  if (!gap) {
    const changed = known.gaps.some(({ passes }, each) => passes !== stream.gaps[each]?.passes);
    return { stream: { ...known, at: n }, verdict: 'repeated', lost: 0, changed };
  }
  const rest = [
    { ...gap, to: n - 1 },
    { ...gap, from: n + 1 },
  ].filter((part) => part.from <= part.to);
  return {
    stream: { lastN: known.lastN, gaps: bounded(known.gaps.toSpliced(index, 1, ...rest)), at: n },
    verdict: 'new',
    lost: gap.counted ? -1 : 0,
    changed: true,
  };
}

/** Counts the pass for each gap that the step to `n` goes over. */
function notePass({ lastN, gaps, at }: Stream, n: number, now: number): Stream {
  if (gaps.length === 0) return { lastN, gaps };
  // What was sent before the take-over is not known: nothing is counted until a pass begins.
  if (at === undefined) return { lastN, gaps: gaps.map((gap) => ({ ...gap, passedAt: now })) };
  const after = n > at ? at : FIRST_N - 1;
  return {
    lastN,
    gaps: gaps.map((gap) => {
      const left = gap.from > after && gap.to < n && now - gap.passedAt >= PASS_SECONDS;
      return left && !isGivenUp(gap) ? { ...gap, passes: gap.passes + 1, passedAt: now } : gap;
    }),
  };
}

function isGivenUp({ passes }: Gap): boolean {
  return passes >= PASSES_UNTIL_LOST;
}

/** Gives up one gap where there are too many: one that holds nothing up, else the oldest. */
function bounded(gaps: readonly Gap[]): readonly Gap[] {
  if (gaps.length <= MAX_GAPS) return gaps;
  return gaps.toSpliced(Math.max(gaps.findIndex(isGivenUp), 0), 1);
}

/** The number up to which every record is stored, or known to be lost for good. */
export function acknowledgedUpTo(stream: Stream): number {
  const open = stream.gaps.find((gap) => !isGivenUp(gap));
  return open ? open.from - 1 : stream.lastN;
}

/** Gaps as the database keeps them: three numbers each, the third one negative where the gap does not count as lost. */
export function flattenGaps(gaps: readonly Gap[]): number[] {
  return gaps.flatMap(({ from, to, passes, counted }) => [from, to, counted ? passes : -1 - passes]);
}

export function toGaps(flat: readonly number[]): Gap[] {
  const gaps: Gap[] = [];
  for (let index = 0; index + 2 < flat.length; index += 3) {
    const [from = 0, to = 0, third = 0] = flat.slice(index, index + 3);
    const counted = third >= 0;
    const passes = counted ? third : -1 - third;
    // Before passes were counted, the third number was the time at which the gap was found.
    gaps.push({ from, to, passes: passes <= PASSES_UNTIL_LOST ? passes : 0, passedAt: 0, counted });
  }
  return gaps;
}
