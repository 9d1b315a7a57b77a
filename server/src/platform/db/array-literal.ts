/**
 * A PostgreSQL array as text, for a parameter that the statement casts (`$1::int[]`): one parameter and one statement,
 * however many values there are, and faster to build than what the driver does for each element.
 */
export function arrayLiteral(values: readonly (number | string | null)[]): string {
  return `{${values.map(element).join(',')}}`;
}

function element(value: number | string | null): string {
  if (value === null) return 'NULL';
  return typeof value === 'number' ? String(value) : `"${value.replace(/["\\]/g, '\\$&')}"`;
}
