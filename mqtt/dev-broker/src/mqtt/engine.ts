import type { Socket } from 'node:net';
import { Aedes, type Client } from 'aedes';
import type { Qos } from '../authorization/rules.ts';
import type { BrokerCore } from '../core.ts';
import { isTopicName, parseFilter, topicLevels } from '../topics.ts';
import { admit, greet } from './connect.ts';
import { Connection, type ListenerIdentity } from './connection.ts';
import { guardSocket } from './packet-guard.ts';
import { coreEmitter, corePersistence, DROPPED, RESUMED } from './seams.ts';

const MAX_AEDES_LEVELS = 100;
/** Unacknowledged packets before CONNACK; EMQX's socket buffer holds about as much. */
const PIPELINED_PACKETS = 1000;

/** Takes sockets and speaks MQTT 3.1.1 on them. */
export interface MqttEngine {
  accept(socket: Socket, listener: ListenerIdentity): void;
  close(): Promise<void>;
}

/**
 * Aedes works the protocol: packets, CONNECT, keep-alive, QoS 2 towards the broker, wills, acknowledgements.
 * Subscriptions, sessions and deliveries are the core's, behind the two seams that Aedes offers.
 */
export async function createMqttEngine(core: BrokerCore): Promise<MqttEngine> {
  const bySocket = new WeakMap<object, Connection>();
  const of = (client: Client | null): Connection | undefined =>
    client ? bySocket.get(client.conn) : undefined;
  const aedes = await Aedes.createBroker({
    mq: coreEmitter(core),
    persistence: corePersistence(core, of),
    concurrency: Number.MAX_SAFE_INTEGER,
    // Neither heartbeats nor wills of other brokers are of interest here.
    heartbeatInterval: 2 ** 28,
    connectTimeout: 15_000,
    queueLimit: PIPELINED_PACKETS,
    maxClientsIdLength: 65_535,
    maxTopicLevels: MAX_AEDES_LEVELS,
    preConnect(client, packet, callback) {
      const connection = of(client);
      callback(null, connection !== undefined && greet(connection, client, packet));
    },
    authenticate(client, _username, password, callback) {
      const connection = of(client);
      if (connection) admit(core, connection, password, callback);
    },
    authorizePublish(client, packet, callback) {
      const connection = of(client);
      if (!client || !connection) return callback(new Error('unknown client'));
      if (client.closed) {
        return callback(core.allowsWill(connection, packet) ? null : new Error('will refused'));
      }
      connection.receivedMessages++;
      if (!isTopicName(packet.topic)) return callback(new Error('invalid topic name'));
      const allowed = core.authorizer.allows(
        connection,
        { type: 'publish', qos: packet.qos, retain: packet.retain },
        packet.topic,
      );
      if (!allowed) {
        if (core.authorizer.settings.deny_action === 'disconnect') {
          connection.reason ??= 'not_authorized';
          return callback(new Error('not authorized'));
        }
        // Acknowledged all the same, then it ends in the emitter.
        packet.topic = DROPPED;
        packet.retain = false;
      } else if (topicLevels(packet.topic) > core.limitsFor(connection).maxTopicLevels) {
        return callback(new Error('topic has too many levels'));
      }
      callback(null);
    },
    authorizeSubscribe(client, subscription, callback) {
      const connection = of(client);
      if (!connection || isResumption(subscription)) return callback(null, null);
      const filter = parseFilter(subscription.topic);
      if (!filter) return callback(new Error('invalid topic filter'));
      const allowed =
        core.authorizer.allows(connection, { type: 'subscribe', qos: subscription.qos }, filter.filter) &&
        topicLevels(filter.filter) <= core.limitsFor(connection).maxTopicLevels;
      if (!allowed && core.authorizer.settings.deny_action === 'disconnect') {
        connection.reason ??= 'not_authorized';
        return callback(new Error('not authorized'));
      }
      callback(null, allowed ? subscription : null);
    },
  });

  aedes.on('connackSent', (packet, client) => {
    const connection = of(client);
    if (connection && packet.returnCode === 0) core.connectionReady(connection);
  });
  aedes.on('subscribe', (subscriptions, client) => {
    const connection = of(client);
    if (!connection?.session || connection.ended) return;
    for (const { topic, qos } of subscriptions) {
      const filter = parseFilter(topic);
      if (filter && isQos(qos)) core.subscribe(connection.session, filter, qos);
    }
  });
  aedes.on('unsubscribe', (topics, client) => {
    const connection = of(client);
    if (!connection?.session || connection.ended) return;
    for (const topic of topics) core.subscriptions.remove(connection.session, topic);
  });
  aedes.on('keepaliveTimeout', (client) => {
    const connection = of(client);
    if (connection) connection.reason ??= 'keepalive_timeout';
  });

  return {
    accept(socket, listener) {
      // A socket that was on its way when the listener closed.
      if (core.closed) {
        socket.destroy();
        return;
      }
      const connection = new Connection(socket, listener);
      bySocket.set(socket, connection);
      core.connections.add(connection);
      guardSocket(connection, () => core.limitsFor(connection).maxPacketBytes);
      socket.setNoDelay(true);
      socket.once('close', () => core.endConnection(connection, 'tcp_closed'));
      connection.client = aedes.handle(socket);
    },
    close: () => new Promise((resolve) => aedes.close(() => resolve())),
  };
}

/** What a session had is not asked about again when it is resumed. */
function isResumption(subscription: object): boolean {
  return subscription === RESUMED;
}

function isQos(value: number): value is Qos {
  return value === 0 || value === 1 || value === 2;
}
