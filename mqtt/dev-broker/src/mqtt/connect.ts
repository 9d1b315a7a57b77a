import { randomUUID } from 'node:crypto';
import type { AuthenticateError, Client, ConnectPacket } from 'aedes';
import type { BrokerCore } from '../core.ts';
import type { Connection } from './connection.ts';

type AuthenticateCallback = (error: AuthenticateError | null, success: boolean | null) => void;

/** MQTT 5 CONNACK, reason 132: unsupported protocol version (section 3.2.2.2). */
const UNSUPPORTED_VERSION_5 = Buffer.from([0x20, 3, 0, 0x84, 0]);
/** MQTT 3.1.1 CONNACK, return code 2: identifier rejected (section 3.2.2.3). */
const IDENTIFIER_REJECTED = Buffer.from([0x20, 2, 0, 2]);

/** Notes what CONNECT says. False when it has been answered and the connection is closing. */
export function greet(connection: Connection, client: Client, packet: ConnectPacket): boolean {
  if (packet.protocolVersion === 5) return answerAndClose(connection, UNSUPPORTED_VERSION_5);
  const cleanStart = packet.clean ?? true;
  if (packet.clientId === '') {
    if (!cleanStart) return answerAndClose(connection, IDENTIFIER_REJECTED);
    packet.clientId = `auto-${randomUUID()}`;
  }
  connection.client = client;
  connection.clientId = packet.clientId;
  connection.username = packet.username;
  connection.protocolVersion = packet.protocolVersion ?? 4;
  connection.protocolName = packet.protocolId ?? 'MQTT';
  connection.keepaliveSeconds = packet.keepalive ?? 0;
  connection.cleanStart = cleanStart;
  connection.bridge = 'bridgeMode' in packet && packet.bridgeMode === true;
  return true;
}

/** EMQX's order: a ban first (CONNACK 5), then the authenticators, then the session. */
export function admit(
  core: BrokerCore,
  connection: Connection,
  password: Buffer | undefined,
  callback: AuthenticateCallback,
): void {
  const refuse = (returnCode: 4 | 5) =>
    callback(Object.assign(new Error('connection refused'), { returnCode }), null);
  const { clientId, username } = connection;
  if (core.bans.isBanned(connection)) {
    refuse(5);
    return;
  }
  const result = core.chain.authenticate(
    { clientId, username, password: password?.toString('utf8') },
    core.clock.now(),
  );
  if (!result.ok) {
    refuse(result.returnCode);
    return;
  }
  connection.identity = result.identity;
  core.openSession(connection);
  callback(null, true);
}

function answerAndClose(connection: Connection, connack: Buffer): false {
  const { socket } = connection;
  socket.end(connack, () => socket.destroy());
  return false;
}
