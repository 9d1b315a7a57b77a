/** Those of the named values of a form that are no longer as they were. */
export function typedSince<T extends object, K extends keyof T>(
  typed: T,
  before: T,
  names: readonly K[],
): Partial<Pick<T, K>> {
  const changed: Partial<Pick<T, K>> = {};
  for (const name of names) if (typed[name] !== before[name]) changed[name] = typed[name];
  return changed;
}
