/** One figure of floor and subject, each as measured in the rounds of one run. */
export interface Comparison {
  readonly floor: readonly number[];
  readonly subject: readonly number[];
}

/**
 * Measures floor and subject in turn, the order changing each round (AB BA AB …), so that what slows the machine down
 * meanwhile slows both. The first round of each warms up and is dropped.
 */
export async function alternate<T>(
  rounds: number,
  measureFloor: () => Promise<T>,
  measureSubject: () => Promise<T>,
): Promise<{ readonly floor: readonly T[]; readonly subject: readonly T[] }> {
  const floor: T[] = [];
  const subject: T[] = [];
  for (let round = 0; round <= rounds; round++) {
    if (round % 2 === 0) floor.push(await measureFloor());
    subject.push(await measureSubject());
    if (round % 2 === 1) floor.push(await measureFloor());
  }
  return { floor: floor.slice(1), subject: subject.slice(1) };
}

export interface Ratio {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Subject to floor, round by round. */
export function ratioOf({ floor, subject }: Comparison): Ratio {
  const ratios = subject.map((value, round) => value / (floor[round] ?? Number.NaN));
  return { median: median(ratios), min: Math.min(...ratios), max: Math.max(...ratios) };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN;
  return (lower + upper) / 2;
}

/** The value below which a share of the sorted values lies. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
