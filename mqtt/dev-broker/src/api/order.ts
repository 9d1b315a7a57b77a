/** The list with one entry moved to `front`, `rear`, `before:x` or `after:x`; null for any other position. */
export function moved(ids: readonly string[], id: string, position: string): string[] | null {
  const others = ids.filter((other) => other !== id);
  if (position === 'front') return [id, ...others];
  if (position === 'rear') return [...others, id];
  const relative = /^(before|after):(.+)$/.exec(position);
  const index = others.indexOf(relative?.[2] ?? '');
  if (!relative || index < 0) return null;
  return others.toSpliced(relative[1] === 'before' ? index : index + 1, 0, id);
}
