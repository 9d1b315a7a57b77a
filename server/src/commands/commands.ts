import { Hono } from 'hono';
import { commandTopic } from '../../contract/topics.ts';
import type { ApiEnv } from '../http/actor.ts';
import type { MessageRoute } from '../messaging/dispatch.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database, Queryable } from '../platform/db/client.ts';
import type { Logger } from '../platform/logger.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { Random } from '../platform/random.ts';
import { commandFigures } from './figures.ts';
import { commandGroupRoutes } from './groups/routes.ts';
import { commandSource } from './live-source.ts';
import { type DeviceReply, storeReplies } from './replies.ts';
import { commandRoutes } from './routes.ts';
import { createSender, type SenderDeps } from './sender.ts';
import { unknownReplyRoutes } from './unknown-replies.ts';

export interface CommandsDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly deliver: SenderDeps['deliver'];
}

/** Commands from operators to devices: at least once to the device, in order, until it replies or they expire. */
export function createCommands(deps: CommandsDeps) {
  const sender = createSender(deps);
  commandFigures(deps);
  const stopping = new AbortController();
  const countUnknown = deps.metrics.counter({
    name: 'siot_unknown_replies_total',
    help: 'Replies that named no command of their device, taken by this instance.',
  });
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
    operatorRoutes: new Hono<ApiEnv>()
      .route('/', commandRoutes({ ...deps, sender, stopping: stopping.signal }))
      .route('/', commandGroupRoutes({ ...deps, sender }))
      .route('/', unknownReplyRoutes(deps.db)),
    messages: [subscribed],
    liveSources: [commandSource],
    /** Takes replies in the transaction of their receipt. */
    async storeReplies(tx: Queryable, replies: readonly DeviceReply[]) {
      const unknown = await storeReplies(tx, replies);
      if (unknown > 0) countUnknown({}, unknown);
    },
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
