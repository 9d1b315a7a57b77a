import type { QueryClient } from '@tanstack/react-query';

/** Everything that shows alerts and rules is read again. */
export async function refreshAlerts(client: QueryClient): Promise<void> {
  const keys = ['alerts', 'alert-rules', 'audit'];
  await Promise.all(keys.map((key) => client.invalidateQueries({ queryKey: [key] })));
}
