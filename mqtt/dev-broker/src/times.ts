/** Milliseconds as EMQX writes them, with the offset of its machine, which is taken to be UTC. */
export function rfc3339(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '+00:00');
}
