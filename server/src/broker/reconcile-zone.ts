import { EmqxError } from './emqx.ts';
import { hoconValues } from './hocon-values.ts';
import type { SettingsDeps } from './reconcile-settings.ts';

/**
 * What ingest and commands rest on: the zone of the server's sessions, the events of clients, and the retainer. A data
 * volume that saw one change over REST no longer reads the image's `base.hocon`, so they are set over REST as well.
 *
 * @returns warnings: another version of the broker may show or name these settings differently.
 */
export async function reconcileZone(deps: SettingsDeps): Promise<string[]> {
  const found: string[] = [];
  for (const part of [zone, clientEvents, retainer]) {
    try {
      await part(deps);
    } catch (error) {
      if (!(error instanceof EmqxError) || error.kind === 'unreachable') throw error;
      found.push(`settings of the server's zone could not be set: ${error.message}`);
    }
  }
  return found;
}

async function zone({ emqx, desired, step }: SettingsDeps): Promise<void> {
  const present = hoconValues(await emqx.configuration());
  const wanted = Object.entries(desired.zone.values);
  if (wanted.every(([path, value]) => present.get(path) === value)) return;
  await step("settings of the server's zone", () => emqx.mergeConfiguration(desired.zone.hocon));
}

async function clientEvents({ emqx, step }: SettingsDeps): Promise<void> {
  const present = await emqx.sysTopics();
  const wanted = { client_connected: true, client_disconnected: true, client_subscribed: true };
  const events = { ...present.sys_event_messages, ...wanted };
  if (Bun.deepEquals(events, present.sys_event_messages)) return;
  await step('events of clients', () => emqx.setSysTopics({ ...present, sys_event_messages: events }));
}

async function retainer({ emqx, step }: SettingsDeps): Promise<void> {
  const present = await emqx.retainer();
  if (present.max_publish_rate === 'infinity' && present.backend.storage_type === 'disc') return;
  const backend = { ...present.backend, storage_type: 'disc' };
  await step('settings of the retainer', () =>
    emqx.setRetainer({ ...present, max_publish_rate: 'infinity', backend }),
  );
}
