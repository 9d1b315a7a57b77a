const UNITS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const;

export type DurationUnit = (typeof UNITS)[number][0];

/** In the largest unit that makes it a whole number. */
export function wholeUnits(seconds: number): { readonly value: number; readonly unit: DurationUnit } {
  const [unit, size] = UNITS.find(([, each]) => seconds >= each && seconds % each === 0) ?? ['second', 1];
  return { value: seconds / size, unit };
}

export function secondsOf(value: number, unit: DurationUnit): number {
  return value * (UNITS.find(([name]) => name === unit)?.[1] ?? 1);
}

/** `90 seconds`, `2 hours`: exact, other than an elapsed time. */
export function wholeDuration(seconds: number): string {
  const { value, unit } = wholeUnits(seconds);
  return `${value} ${unit}${value === 1 ? '' : 's'}`;
}
