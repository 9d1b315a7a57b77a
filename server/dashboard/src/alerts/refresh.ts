import type { QueryClient } from '@tanstack/react-query';

/** Everything that shows alerts, rules and channels is read again. */
export async function refreshAlerts(client: QueryClient): Promise<void> {
  const keys = ['alerts', 'alert-rules', 'alert-channels', 'audit'];
  await Promise.all(keys.map((key) => client.invalidateQueries({ queryKey: [key] })));
}
