/** Text of one line that PostgreSQL can keep: no control characters, no half of a surrogate pair. */
export function isPlain(text: string): boolean {
  return text.isWellFormed() && !/\p{Cc}/u.test(text);
}
