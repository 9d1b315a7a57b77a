import { EmqxError } from './emqx.ts';
import type { SettingsDeps } from './settings-step.ts';

/**
 * What ingest and commands rest on: the zone of the server's sessions, the events of clients, and the retainer; and that
 * nobody delays messages. A data
 * volume that saw one change over REST no longer reads the image's `base.hocon`, so they are set over REST as well.
 *
 * @returns warnings: another version of the broker may show or name these settings differently.
 */
export async function reconcileZone(deps: SettingsDeps): Promise<string[]> {
  const found: string[] = [];
  for (const part of [zone, clientEvents, retainer, delayed]) {
    try {
      await part(deps);
    } catch (error) {
      if (!(error instanceof EmqxError) || error.kind === 'unreachable') throw error;
      found.push(`settings of the broker could not be set: ${error.message}`);
    }
  }
  return found;
}

/** Set at every run: EMQX shows zones to nobody, so a difference cannot be seen. */
async function zone({ emqx, desired, repair }: SettingsDeps): Promise<void> {
  if (repair) await emqx.mergeConfiguration(desired.zone);
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

/**
 * EMQX keeps a message to `$delayed/{seconds}/{topic}` and publishes it later, by the rights that its sender had when it
 * came: a former peer's would arrive weeks after the end of the pair. Without a limit on how many are kept, too.
 */
async function delayed({ emqx, step }: SettingsDeps): Promise<void> {
  const present = await emqx.delayed();
  if (!present.enable) return;
  await step('delayed messages were accepted', () => emqx.setDelayed({ ...present, enable: false }));
}
