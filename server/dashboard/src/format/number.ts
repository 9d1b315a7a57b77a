const whole = new Intl.NumberFormat('en');
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

const digits = new Intl.NumberFormat('en', { maximumSignificantDigits: 5 });
const scientific = new Intl.NumberFormat('en', { notation: 'scientific', maximumSignificantDigits: 5 });
/** Beyond these, a number is mostly zeros. */
const HUGE = 1e15;
const TINY = 1e-6;

/** `12,345`. */
export function count(value: number): string {
  return whole.format(value);
}

/** `12.3K`, for narrow places. */
export function shortCount(value: number): string {
  return value < 10_000 ? whole.format(value) : short.format(value);
}

/** `1 device`, `2 devices`. */
export function plural(value: number, one: string, many: string = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** `21.374`, `1,234,567`, `6.02E23`: a measured value; whole numbers, such as counters, with all their digits. */
export function measured(value: number): string {
  const size = Math.abs(value);
  if (size >= HUGE || (size > 0 && size < TINY)) return scientific.format(value);
  return Number.isInteger(value) || size >= 100_000 ? whole.format(Math.round(value)) : digits.format(value);
}

/** A value on the axis of a chart, with as many decimals as tell it from the next, which is `step` away. */
export function axisValue(value: number, step: number): string {
  if (Math.abs(value) >= HUGE || step < TINY) return measured(value);
  const decimals = Math.max(0, Math.ceil(-Math.log10(step)) + 1);
  return value.toLocaleString('en', { maximumFractionDigits: decimals });
}
