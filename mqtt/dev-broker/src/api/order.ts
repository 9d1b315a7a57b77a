/** The list with one entry moved to `front` or `rear`; null for any other position. */
export function moved(ids: readonly string[], id: string, position: string): string[] | null {
  const others = ids.filter((other) => other !== id);
  if (position === 'front') return [id, ...others];
  return position === 'rear' ? [...others, id] : null;
}
