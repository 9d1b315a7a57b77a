import { randomUUID } from 'node:crypto';
import type { IConnackPacket, IConnectPacket } from 'mqtt-packet';
import type { Identity } from '../authorization/identity.ts';
import type { BrokerCore } from '../core.ts';
import type { Connection } from './connection.ts';
import { REASON, REFUSALS } from './reason-codes.ts';

/** EMQX's order: a ban first, then the authenticators, then the session. */
export function handleConnect(core: BrokerCore, connection: Connection, packet: IConnectPacket): void {
  const assignedId = packet.clientId === '' ? `auto-${randomUUID()}` : undefined;
  const { sessionExpiryMs, maxPacketBytes } = core.limitsFor(connection);
  connection.introduce(packet, assignedId ?? packet.clientId, sessionExpiryMs);
  const verdict = judge(core, connection, packet, assignedId !== undefined);
  if ('refusal' in verdict) {
    const { returnCode, reasonCode } = REFUSALS[verdict.refusal];
    connection.send({ cmd: 'connack', sessionPresent: false, returnCode, reasonCode });
    core.endClient(connection, 'not_authorized');
    return;
  }
  connection.identity = verdict.identity;

  const { session, present } = core.openSession(connection);
  connection.session = session;
  const connack: IConnackPacket = { cmd: 'connack', sessionPresent: present, returnCode: 0, reasonCode: 0 };
  if (connection.isVersion5) {
    connack.properties = {
      maximumPacketSize: maxPacketBytes,
      retainAvailable: true,
      sharedSubscriptionAvailable: true,
      subscriptionIdentifiersAvailable: false,
      topicAliasMaximum: 0,
      wildcardSubscriptionAvailable: true,
      ...(assignedId === undefined ? {} : { assignedClientIdentifier: assignedId }),
    };
  }
  connection.send(connack);
  const { expireAtMs } = connection.identity;
  if (expireAtMs !== null) {
    const expire = () => core.endClient(connection, 'not_authorized');
    connection.expiryTimer = core.clock.setTimer(expire, expireAtMs - core.clock.now());
  }
  core.clientReady(connection, session);
}

/** While the broker boots nobody's credentials are looked at; bans hold all the same. */
function judge(
  core: BrokerCore,
  connection: Connection,
  { password }: IConnectPacket,
  idAssigned: boolean,
): { identity: Identity } | { refusal: keyof typeof REFUSALS } {
  const { clientId, username, isVersion5, cleanStart } = connection;
  if (idAssigned && !isVersion5 && !cleanStart) return { refusal: 'clientIdNotValid' };
  if (core.bans.isBanned(connection)) return { refusal: 'banned' };
  if (!core.authenticates) return { identity: connection.identity };
  const credentials = { clientId, username, password: password?.toString('utf8') };
  return core.chain.authenticate(credentials, core.clock.now());
}

/** Ends a connection that breaks the protocol, MQTT 5 with the reason. */
export function endForFault(core: BrokerCore, connection: Connection, reasonCode: number): void {
  connection.reasonCode ??= reasonCode;
  core.endClient(connection, reasonCode === REASON.notAuthorized ? 'not_authorized' : 'internal_error');
}
