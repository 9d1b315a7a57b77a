import { type Comparison, median, ratioOf } from './rounds.ts';

export interface Row extends Comparison {
  readonly name: string;
}

export function heading(text: string): void {
  console.log(`\n${text}`);
}

export function writeLine(text: string): void {
  console.log(`  ${text}`);
}

/** One figure out of the samples of both sides. */
export function rateRow<T>(
  name: string,
  samples: { readonly floor: readonly T[]; readonly subject: readonly T[] },
  figure: (sample: T) => number,
): Row {
  return { name, floor: samples.floor.map(figure), subject: samples.subject.map(figure) };
}

interface Aim {
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** Prints `name  ratio (min–max)  subject against floor`, and whether the aim is met. */
export function report(row: Row, aim: Aim = {}): void {
  const ratio = ratioOf(row);
  const range = `${ratio.median.toFixed(2)} (${ratio.min.toFixed(2)}–${ratio.max.toFixed(2)})`;
  const medians = `${format(median(row.subject))} to ${format(median(row.floor))}`;
  writeLine(`${row.name.padEnd(28)} ${range.padEnd(20)} ${medians}${verdict(ratio.median, aim)}`);
}

function verdict(ratio: number, { atLeast, atMost }: Aim): string {
  if (atLeast !== undefined) return `   aim ≥ ${atLeast}: ${ratio >= atLeast ? 'met' : 'missed'}`;
  if (atMost !== undefined) return `   aim ≤ ${atMost}: ${ratio <= atMost ? 'met' : 'missed'}`;
  return '';
}

function format(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(2);
}
