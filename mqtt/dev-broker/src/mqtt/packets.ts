import {
  generate,
  type IDisconnectPacket,
  type IPublishPacket,
  type ISubscribePacket,
  type IUnsubscribePacket,
  type Packet,
} from 'mqtt-packet';
import type { BrokerCore } from '../core.ts';
import type { Message } from '../sessions/message.ts';
import type { Session } from '../sessions/session.ts';
import { isTopicName, parseFilter, topicLevels } from '../topics.ts';
import { endForFault, handleConnect } from './connect.ts';
import { type Connection, secondsToMs } from './connection.ts';
import { REASON, SUBACK_FAILURE } from './reason-codes.ts';
import type { SubackGate } from './suback-gate.ts';

/** Processes one packet. Before CONNECT there is nothing else, and after it no second one. */
export function handlePacket(
  core: BrokerCore,
  subacks: SubackGate,
  connection: Connection,
  packet: Packet,
): void {
  const { session } = connection;
  if (packet.cmd === 'connect') {
    if (session) endForFault(core, connection, REASON.protocolError);
    else handleConnect(core, connection, packet);
    return;
  }
  if (!session) {
    core.endClient(connection, 'internal_error');
    return;
  }
  const messageId = packet.messageId ?? 0;
  switch (packet.cmd) {
    case 'publish':
      handlePublish(core, connection, session, packet);
      break;
    case 'puback':
    case 'pubcomp':
      session.acknowledge(messageId);
      break;
    case 'pubrec':
      session.release(messageId);
      connection.sendPubrel(messageId);
      break;
    case 'pubrel': {
      const known = session.awaitingRelease.delete(messageId);
      const reasonCode = known ? REASON.success : REASON.packetIdNotFound;
      connection.send({ cmd: 'pubcomp', messageId, reasonCode });
      break;
    }
    case 'subscribe':
      handleSubscribe(core, subacks, connection, session, packet);
      break;
    case 'unsubscribe':
      handleUnsubscribe(core, connection, session, packet);
      break;
    case 'pingreq':
      connection.send({ cmd: 'pingresp' });
      break;
    case 'disconnect':
      handleDisconnect(core, connection, packet);
      break;
    default:
      endForFault(core, connection, REASON.protocolError);
  }
}

function handlePublish(core: BrokerCore, connection: Connection, session: Session, packet: IPublishPacket) {
  const { topic, qos, retain, messageId = 0 } = packet;
  connection.receivedMessages++;
  if (!isTopicName(topic)) return endForFault(core, connection, REASON.topicNameInvalid);
  if (packet.properties && !canBeSent(packet)) return endForFault(core, connection, REASON.malformedPacket);
  const allowed = core.authorizer.allows(connection, { type: 'publish', qos, retain }, topic);
  if (!allowed && core.authorizer.settings.deny_action === 'disconnect') {
    return endForFault(core, connection, REASON.notAuthorized);
  }
  if (allowed && topicLevels(topic) > core.limitsFor(connection).maxTopicLevels) {
    return endForFault(core, connection, REASON.topicNameInvalid);
  }
  // Sent again and not released yet: it has been handed on already.
  const repeated = qos === 2 && session.awaitingRelease.has(messageId);
  let reasonCode: number = REASON.success;
  if (!allowed) reasonCode = REASON.notAuthorized;
  else if (!repeated && !core.publish(messageOf(core, connection, packet))) {
    reasonCode = REASON.noMatchingSubscribers;
  }
  if (qos === 1) connection.send({ cmd: 'puback', messageId, reasonCode });
  if (qos === 2) {
    // A reason of 128 or above ends the exchange in MQTT 5; MQTT 3.1.1 has no such thing.
    if (allowed || !connection.isVersion5) session.awaitingRelease.add(messageId);
    connection.send({ cmd: 'pubrec', messageId, reasonCode });
  }
}

/** What mqtt-packet reads it cannot always write again; nobody's subscriber is to meet that. */
function canBeSent(packet: IPublishPacket): boolean {
  try {
    generate(packet, { protocolVersion: 5 });
    return true;
  } catch {
    return false;
  }
}

function messageOf(core: BrokerCore, connection: Connection, packet: IPublishPacket): Message {
  const { topic, payload, qos, retain } = packet;
  const {
    messageExpiryInterval,
    subscriptionIdentifier: _,
    topicAlias: __,
    ...properties
  } = packet.properties ?? {};
  const publishedAtMs = core.clock.now();
  const lifetimeMs =
    messageExpiryInterval === undefined
      ? core.limitsFor(connection).messageExpiryMs
      : messageExpiryInterval * 1000;
  return {
    topic,
    payload: typeof payload === 'string' ? Buffer.from(payload) : payload,
    qos,
    retain,
    from: connection.clientId,
    fromUsername: connection.username,
    publishedAtMs,
    expiresAtMs: lifetimeMs === Number.POSITIVE_INFINITY ? null : publishedAtMs + lifetimeMs,
    ...(packet.properties ? { properties } : {}),
  };
}

function handleSubscribe(
  core: BrokerCore,
  subacks: SubackGate,
  connection: Connection,
  session: Session,
  packet: ISubscribePacket,
) {
  const { maxTopicLevels, ignoreLoopDeliver } = core.limitsFor(connection);
  const filters = packet.subscriptions.map(({ topic }) => parseFilter(topic));
  if (filters.includes(null)) return endForFault(core, connection, REASON.topicFilterInvalid);
  const denied = connection.isVersion5 ? REASON.notAuthorized : SUBACK_FAILURE;
  const granted: number[] = [];
  for (const [index, { qos, nl, rap, rh }] of packet.subscriptions.entries()) {
    const filter = filters[index];
    if (!filter) continue;
    const allowed =
      core.authorizer.allows(connection, { type: 'subscribe', qos }, filter.filter) &&
      topicLevels(filter.filter) <= maxTopicLevels;
    if (!allowed && core.authorizer.settings.deny_action === 'disconnect') {
      return endForFault(core, connection, REASON.notAuthorized);
    }
    granted.push(allowed ? qos : denied);
    if (!allowed) continue;
    const { isVersion5, bridge } = connection;
    core.subscribe(session, filter, {
      qos,
      noLocal: isVersion5 ? nl === true : ignoreLoopDeliver,
      retainAsPublished: isVersion5 ? rap === true : bridge,
      retainHandling: rh === 1 || rh === 2 ? rh : 0,
    });
  }
  // The subscription is known to others before its SUBACK is written: a message can overtake it.
  subacks.pass(() => connection.send({ cmd: 'suback', messageId: packet.messageId ?? 0, granted }));
}

function handleUnsubscribe(
  core: BrokerCore,
  connection: Connection,
  session: Session,
  { messageId = 0, unsubscriptions }: IUnsubscribePacket,
) {
  const granted = unsubscriptions.map((topic) =>
    core.unsubscribe(session, topic) ? REASON.success : REASON.noSubscriptionExisted,
  );
  connection.send({ cmd: 'unsuback', messageId, granted });
}

function handleDisconnect(
  core: BrokerCore,
  connection: Connection,
  { reasonCode, properties }: IDisconnectPacket,
) {
  if (reasonCode !== REASON.disconnectWithWill) connection.will = null;
  if (properties?.sessionExpiryInterval !== undefined && connection.expiryMs > 0) {
    connection.expiryMs = secondsToMs(properties.sessionExpiryInterval);
  }
  core.endClient(connection, 'normal');
}
