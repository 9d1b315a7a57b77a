import type { Random } from '../../src/platform/random.ts';

const DAY_MS = 86_400_000;
const BATTERY_DAYS = 60;

/** What the sensors of one device measure at a time. */
export type Curves = (atMs: number) => Readonly<Record<string, number>>;

/**
 * Temperature with its peak at 15 h UTC, humidity against it, light by day alone, and a battery that is replaced when
 * it is empty.
 *
 * @param place a number in [0, 1) that tells one device from another.
 */
export function createCurves(place: number, random: Random): Curves {
  const noise = (width: number) => (random.fraction() - 0.5) * width;
  return (atMs) => {
    const day = (atMs % DAY_MS) / DAY_MS;
    const warmth = Math.cos(2 * Math.PI * (day - 15 / 24));
    const sun = Math.max(0, Math.sin(2 * Math.PI * (day - 0.25)));
    const temp = 14 + 10 * place + 5 * warmth + noise(0.4);
    const drained = (atMs / DAY_MS / BATTERY_DAYS + place) % 1;
    return {
      temp: round(temp, 2),
      hum: round(Math.min(100, Math.max(0, 60 - 12 * warmth - 8 * place + noise(1.5))), 1),
      light: Math.round(sun * (600 + 300 * place) * (1 + noise(0.1))),
      bat: round(4.2 - 0.9 * drained + noise(0.01), 3),
    };
  };
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
