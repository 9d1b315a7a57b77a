import { useSyncExternalStore } from 'react';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto', style: 'long' });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const longDay = new Intl.DateTimeFormat(undefined, { dateStyle: 'full' });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });
const recent = new Intl.DateTimeFormat(undefined, { weekday: 'short', hour: 'numeric', minute: '2-digit' });

/** `5 minutes ago`, `in 3 days`, `just now`. */
export function timeFrom(at: number, now: number): string {
  const distance = at - now;
  const size = Math.abs(distance);
  if (size < 10_000) return 'just now';
  if (size < MINUTE) return relative.format(Math.round(distance / 1_000), 'second');
  if (size < HOUR) return relative.format(Math.round(distance / MINUTE), 'minute');
  if (size < DAY) return relative.format(Math.round(distance / HOUR), 'hour');
  if (size < 45 * DAY) return relative.format(Math.round(distance / DAY), 'day');
  if (size < 500 * DAY) return relative.format(Math.round(distance / (30.44 * DAY)), 'month');
  return relative.format(Math.round(distance / (365.25 * DAY)), 'year');
}

/** `3 d 4 h`, `12 min`, `8 s`: the two largest units. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  const units = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ] as const;
  const first = units.findIndex(([value]) => value > 0);
  if (first < 0) return '0 s';
  return units
    .slice(first, first + 2)
    .filter(([value]) => value > 0)
    .map(([value, unit]) => `${value} ${unit}`)
    .join(' ');
}

/** Date and time in the viewer's zone. */
export function fullTime(at: number | string): string {
  return full.format(new Date(at));
}

export function dayOf(at: number | string): string {
  return day.format(new Date(at));
}

/** `Today, Thursday 26 November 2026`: a day of the viewer's zone, named. */
export function namedDay(at: number | string, now: number): string {
  const text = longDay.format(new Date(at));
  if (text === longDay.format(new Date(now))) return `Today, ${text}`;
  const yesterday = new Date(now);
  yesterday.setDate(yesterday.getDate() - 1);
  return text === longDay.format(yesterday) ? `Yesterday, ${text}` : text;
}

export function clockTime(at: number | string): string {
  return clock.format(new Date(at));
}

/** Of the last week: the day of the week and the time. */
export function recentTime(at: number | string): string {
  return recent.format(new Date(at));
}

/** As `<input type="datetime-local">` has it, in the viewer's zone, to the second. */
export function toLocalInput(at: number): string {
  const date = new Date(at);
  const two = (value: number) => String(value).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  return `${day}T${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')}`;
}

/** `Europe/Berlin`: the viewer's zone by a name that is right in summer and winter. */
export function zoneName(): string {
  return full.resolvedOptions().timeZone;
}

let now = Date.now();
const listeners = new Set<() => void>();
let ticker: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (ticker === undefined) {
    // Nobody has read the clock for as long as nobody listened.
    now = Date.now();
    ticker = setInterval(() => {
      now = Date.now();
      for (const each of listeners) each();
    }, 5_000);
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(ticker);
    ticker = undefined;
  };
}

/** The present, read again every 5 s: one timer for the whole page. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}
