/** Statuses with which a receiver may say when to come back (RFC 9110, section 15.6.4; RFC 6585, section 4). */
const STATUSES: ReadonlySet<number> = new Set([429, 503]);
/** The three forms of RFC 9110, section 5.6.7: `Sun, 06 Nov 1994 …`, `Sunday, 06-Nov-94 …`, `Sun Nov  6 …`. */
const HTTP_DATE =
  /^(?:[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} [\d:]{8} GMT|[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} [\d:]{8} GMT|[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d [\d:]{8} \d{4})$/;

/** What of an answer says when to come back. */
export interface Refusal {
  readonly status: number;
  /** Its `Retry-After`: seconds, or an HTTP date. */
  readonly retryAfter?: string | undefined;
}

/**
 * Seconds after which a receiver that refuses asks to be tried again; undefined where it does not ask, or not as RFC 9110
 * says. As large as the receiver likes: bounds are those of the caller.
 */
export function readRetryAfter({ status, retryAfter }: Refusal, now: number): number | undefined {
  const value = retryAfter?.trim();
  if (value === undefined || !STATUSES.has(status)) return undefined;
  if (/^\d+$/.test(value)) return Number(value);
  if (!HTTP_DATE.test(value)) return undefined;
  const at = Date.parse(value.endsWith(' GMT') ? value : `${value} GMT`);
  return Number.isNaN(at) ? undefined : Math.max(0, (at - now) / 1_000);
}
