import { useMemo } from 'react';
import { useSearchParams } from 'wouter';
import type { TimeRange } from '../../../api/telemetry.ts';
import { useNow } from '../../../format/time.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The last that a `Date` can hold. */
const LAST_TIME = 8_640_000_000_000_000;

export const PRESETS = [
  ['15m', '15 min', 15 * MINUTE],
  ['1h', '1 h', HOUR],
  ['6h', '6 h', 6 * HOUR],
  ['24h', '24 h', DAY],
  ['7d', '7 d', 7 * DAY],
  ['30d', '30 d', 30 * DAY],
] as const;

const DEFAULT = '1h';

export interface RangeState {
  readonly range: TimeRange;
  /** Name of the preset; undefined for a range that was zoomed to, which stands still. */
  readonly preset: string | undefined;
  choose(preset: string): void;
  zoom(range: TimeRange): void;
}

/** The stretch of time that is shown, kept in the address. A preset ends now and moves along. */
export function useRange(): RangeState {
  const [params, setParams] = useSearchParams();
  const now = useNow();
  const from = Number(params.get('from'));
  const to = Number(params.get('to'));
  const isFixed = from > 0 && to > from && to <= LAST_TIME;
  const named =
    PRESETS.find(([name]) => name === params.get('range')) ?? PRESETS.find(([name]) => name === DEFAULT);
  const [preset, , lengthMs] = named ?? PRESETS[1];
  return useMemo(
    () => ({
      range: isFixed ? { from, to } : { from: now - lengthMs, to: now + 1_000 },
      preset: isFixed ? undefined : preset,
      choose(name) {
        setParams((before) => change(before, { range: name, from: '', to: '' }), { replace: true });
      },
      zoom(range) {
        setParams((before) =>
          change(before, { from: String(Math.floor(range.from)), to: String(Math.ceil(range.to)) }),
        );
      },
    }),
    [isFixed, from, to, now, preset, lengthMs, setParams],
  );
}

function change(before: URLSearchParams, values: Readonly<Record<string, string>>): URLSearchParams {
  const next = new URLSearchParams(before);
  for (const [name, value] of Object.entries(values)) {
    if (value) next.set(name, value);
    else next.delete(name);
  }
  return next;
}
