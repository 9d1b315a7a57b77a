/** Reads and checks EMQX's written quantities: `16KB`, `1m`, `5000ms`, `infinity`. */

const BYTE_UNITS: Record<string, number> = { '': 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 };
const MS_UNITS: Record<string, number> = { '': 1, ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Bytes, or null when the text is none of EMQX's byte sizes. */
export function parseBytes(text: string | number): number | null {
  return parse(text, BYTE_UNITS);
}

/** Milliseconds (`Infinity` for `infinity`), or null when the text is none of EMQX's durations. */
export function parseDurationMs(text: string | number): number | null {
  return text === 'infinity' ? Number.POSITIVE_INFINITY : parse(text, MS_UNITS);
}

function parse(text: string | number, units: Record<string, number>): number | null {
  const match = /^(\d+)([a-z]*)$/i.exec(String(text).trim());
  const factor = match && units[(match[2] ?? '').toLowerCase()];
  return match && factor !== null && factor !== undefined ? Number(match[1]) * factor : null;
}
