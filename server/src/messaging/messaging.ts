import { shared, topicFilter } from '../../contract/topics.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/logger.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { Random } from '../platform/random.ts';
import type { AclEntry, Tokens } from '../tokens/token.ts';
import { type ConnectionState, createConnection, type Qos } from './connection.ts';
import { createDispatcher, type MessageRoute } from './dispatch.ts';

/** What the server's own session may do besides subscribing to what its features handle. */
export type SessionRight = Pick<AclEntry, 'action' | 'topic'>;

export interface MessagingDeps {
  /** The broker as the server reaches it. */
  readonly mqttUrl: string;
  readonly instanceId: string;
  readonly tokens: Pick<Tokens, 'issueForServer'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** What features bring to the session. */
export interface MessagingPlan {
  readonly routes: readonly MessageRoute[];
  readonly rights: readonly SessionRight[];
  /** Called each time the session is up and subscribed. */
  readonly onOnline: () => void;
  /** Called when the broker was reached but refused the session or a subscription. */
  readonly onRefused: () => void;
}

/** The server's MQTT session. */
export interface Messaging {
  start(plan: MessagingPlan): void;
  state(): ConnectionState;
  /** For `/health/ready`. */
  readiness(): string;
  /**
   * Sends, if the session is up; a message that finds it down is dropped, and `false` returned.
   *
   * @param onSent called when the message is written, or with QoS 1 and 2 delivered to the broker.
   */
  publish(topic: string, payload: string, qos: Qos, onSent?: () => void): boolean;
  /** Messages handled since the start, by outcome, such as `ping:answered`. */
  counts(): Readonly<Record<string, number>>;
  /** Leaves the broker with a DISCONNECT, waiting at most `timeoutMs` for what is under way. */
  close(timeoutMs: number): Promise<void>;
}

const TOKEN_TTL_SECONDS = 24 * 3_600;

/**
 * One session per instance, as an ordinary client of the broker's authenticator: its token carries just the rights that the
 * features need. Subscriptions are shared, so that several instances split the messages.
 */
export function createMessaging(deps: MessagingDeps): Messaging {
  const { clock, random, log } = deps;
  const clientId = serverClientId(deps.instanceId);
  const connection = createConnection({ url: deps.mqttUrl, clientId, clock, random, log });
  const counts: Record<string, number> = {};
  deps.metrics.observe({
    name: 'siot_messages_total',
    help: 'Messages of devices by kind and outcome; `dropped` are those that no feature handled.',
    type: 'counter',
    labels: ['kind', 'outcome'],
    read: () => Object.entries(counts).map(messageSample),
  });

  return {
    start({ routes, rights, onOnline, onRefused }) {
      const dispatcher = createDispatcher({ log, routes, counts });
      const subscriptions = routes.map(({ topic, qos }) => ({ filter: topicFilter(topic), qos }));
      const acl: AclEntry[] = [
        ...subscriptions.map(({ filter }): SessionRight => ({ action: 'subscribe', topic: filter })),
        ...rights,
      ].map((right) => ({ permission: 'allow', ...right }));
      connection.start({
        password: () => deps.tokens.issueForServer(clientId, acl, TOKEN_TTL_SECONDS),
        subscriptions: subscriptions.map(({ filter, qos }) => ({ filter: shared(filter), qos })),
        onMessage: dispatcher.dispatch,
        onOnline,
        onRefused,
      });
    },
    state: connection.state,
    readiness() {
      if (connection.state() !== 'online') return connection.state();
      // A suspicion: a broker that restarts again and again looks the same, so it does not make the server unready.
      return connection.isContended() ? 'ok, but another instance may have the same INSTANCE_ID' : 'ok';
    },
    publish: connection.publish,
    counts: () => ({ ...counts }),
    close: connection.close,
  };
}

/** Client id and user name of an instance's session. No device can have it: a device's client id is a UUID. */
export function serverClientId(instanceId: string): string {
  return `server-${instanceId}`;
}

/** `ping:answered` as labels. */
function messageSample([name, total]: [string, number]) {
  const [kind = '', outcome = ''] = name.split(':');
  return [{ kind, outcome }, total] as const;
}
