import { commandTopic } from '../../contract/topics.ts';
import type { MessageRoute } from '../messaging/dispatch.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/client.ts';
import type { Logger } from '../platform/logger.ts';
import type { Random } from '../platform/random.ts';
import { commandSource } from './live-source.ts';
import { storeReplies } from './replies.ts';
import { commandRoutes } from './routes.ts';
import { createSender, type SenderDeps } from './sender.ts';

export interface CommandsDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly deliver: SenderDeps['deliver'];
}

/** Commands from operators to devices: at least once to the device, in order, until it replies or they expire. */
export function createCommands(deps: CommandsDeps) {
  const sender = createSender(deps);
  const stopping = new AbortController();
  const subscribed: MessageRoute = {
    name: 'client_subscribed',
    topic: '$SYS/brokers/+/clients/{device}/subscribed',
    qos: 1,
    handler({ deviceId, body }) {
      if (body.topic !== commandTopic(deviceId)) return 'ignored';
      sender.listening(deviceId);
      return 'noted';
    },
  };

  return {
    operatorRoutes: commandRoutes({ ...deps, sender, stopping: stopping.signal }),
    messages: [subscribed],
    liveSources: [commandSource],
    /** Takes replies in the transaction of their receipt. */
    storeReplies,
    /** Called when replies of these devices are stored: the next command of each may go out. */
    onReplies(deviceIds: Iterable<string>) {
      for (const id of deviceIds) sender.send(id);
    },
    onConnected: sender.connected,
    onDatabaseReady: sender.start,
    onBrokerOnline: sender.resume,
    onStopping: () => stopping.abort(),
    close: sender.close,
  };
}

export type Commands = ReturnType<typeof createCommands>;
