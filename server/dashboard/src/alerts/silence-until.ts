const HOUR_MS = 3_600_000;

export const SILENCE_LENGTHS = [
  ['1', '1 hour'],
  ['4', '4 hours'],
  ['24', '24 hours'],
  ['168', '7 days'],
  ['own', 'Until a time…'],
] as const;

/** The end of a silence as the API takes it; undefined where `own` is no time in the future. */
export function silenceEnd(length: string, own: string, now: number): string | undefined {
  const end = length === 'own' ? Date.parse(own) : now + Number(length) * HOUR_MS;
  return end > now ? new Date(end).toISOString() : undefined;
}
