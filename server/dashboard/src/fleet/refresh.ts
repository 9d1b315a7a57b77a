import type { QueryClient } from '@tanstack/react-query';

/** Everything that shows devices is read again. */
export async function refreshFleet(client: QueryClient): Promise<void> {
  const keys = ['devices', 'device', 'summary', 'audit', 'timeline', 'diagnosis', 'presence'];
  await Promise.all(keys.map((key) => client.invalidateQueries({ queryKey: [key] })));
}
