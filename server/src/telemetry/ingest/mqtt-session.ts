import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { generate, type IPublishPacket, type Packet, parser as packetParser } from 'mqtt-packet';
import type { Clock, Timer } from '../../platform/clock.ts';

export interface SessionOptions {
  /** `mqtt://host:port` or `mqtts://host:port`. */
  readonly url: string;
  readonly clientId: string;
  readonly password: string;
  /** Subscribed with QoS 1. */
  readonly filters: readonly string[];
  readonly clock: Clock;
  /**
   * Called once the broker has accepted the session and before any message; `present` is CONNACK's flag. The
   * subscriptions follow when it resolves.
   */
  readonly onAccepted: (session: MqttSession, present: boolean) => Promise<void>;
  /** Called for each message in the order of arrival. */
  readonly onMessage: (packet: IPublishPacket) => void;
  readonly signal: AbortSignal;
}

/** A connection to the broker with a persistent session (MQTT 3.1.1, clean session 0). */
export interface MqttSession {
  /** Sends PUBACKs in the order given. */
  acknowledge(packetIds: readonly number[]): void;
  /** Stops reading; what is on its way stays in the socket's buffers. */
  pause(): void;
  resume(): void;
  /** Resolves with the reason once the connection is gone. */
  readonly closed: Promise<string>;
  /** Leaves with a DISCONNECT; cuts the connection after `limitMs`. The session stays with the broker. */
  close(limitMs: number): Promise<void>;
  destroy(reason: string): void;
}

/** The broker answered and said no: CONNACK or SUBACK with a failure code. */
export class SessionRefusedError extends Error {
  constructor(what: string, code: number) {
    super(`the broker refused ${what} (code ${code})`);
    this.name = 'SessionRefusedError';
  }
}

const STEP_LIMIT_MS = 5_000;
const KEEPALIVE_SECONDS = 20;
const PING_EVERY_MS = 10_000;
/** MQTT 3.1.1, section 3.1.2.10: half as much again as the keep-alive. */
const SILENCE_LIMIT_MS = KEEPALIVE_SECONDS * 1_500;
const SUBSCRIBE_ID = 1;
const REFUSED_SUBSCRIPTION = 128;
const PINGREQ = generate({ cmd: 'pingreq' });
const DISCONNECT = generate({ cmd: 'disconnect' });

/**
 * Connects, subscribes and hands over what arrives without waiting for it to be processed; acknowledging is the caller's.
 *
 * @throws SessionRefusedError; an Error when the broker is not reachable or a step takes longer than 5 s.
 */
export async function openSession(options: SessionOptions): Promise<MqttSession> {
  const { clock } = options;
  const socket = openSocket(options.url);
  const { promise: closed, resolve: resolveClosed } = Promise.withResolvers<string>();
  const accepted = Promise.withResolvers<void>();
  const suback = Promise.withResolvers<readonly number[]>();
  let reason = 'connection closed';
  let lastReceived = clock.monotonic();
  let paused = false;
  let keepAlive: Timer | undefined;

  function destroy(why: string): void {
    if (!socket.destroyed) reason = why;
    socket.destroy();
  }

  const session: MqttSession = {
    acknowledge(packetIds) {
      if (packetIds.length > 0 && !socket.destroyed) socket.write(encodePubacks(packetIds));
    },
    pause() {
      paused = true;
      socket.pause();
    },
    resume() {
      if (paused) lastReceived = clock.monotonic();
      paused = false;
      socket.resume();
    },
    closed,
    async close(limitMs) {
      const limit = clock.setTimer(() => destroy('closed'), limitMs);
      reason = 'closed';
      socket.end(DISCONNECT);
      socket.resume();
      await closed;
      limit.cancel();
    },
    destroy,
  };

  function receive(packet: Packet): void {
    switch (packet.cmd) {
      case 'publish':
        options.onMessage(packet);
        break;
      case 'connack': {
        const code = packet.returnCode ?? 0;
        if (code !== 0) accepted.reject(new SessionRefusedError('the session', code));
        // At once: messages of the session may follow in the same packet of the network.
        else accepted.resolve(options.onAccepted(session, packet.sessionPresent));
        break;
      }
      case 'suback':
        suback.resolve(packet.granted.map(Number));
        break;
      case 'pingresp':
        break;
      default:
        destroy(`unexpected ${packet.cmd}`);
    }
  }

  const parser = packetParser({ protocolVersion: 4 });
  parser.on('packet', receive);
  parser.on('error', (error: Error) => destroy(`malformed packet: ${error.message}`));
  const abort = () => destroy('closed');
  options.signal.addEventListener('abort', abort, { once: true });
  socket.on('data', (bytes: Buffer) => {
    lastReceived = clock.monotonic();
    parser.parse(bytes);
  });
  socket.on('error', (error) => {
    reason = error.message;
  });
  socket.on('close', () => {
    keepAlive?.cancel();
    options.signal.removeEventListener('abort', abort);
    accepted.reject(new Error(reason));
    suback.reject(new Error(reason));
    resolveClosed(reason);
  });
  // Whoever waits for them gets the failure; nobody does after the steps are done.
  accepted.promise.catch(() => {});
  suback.promise.catch(() => {});

  async function step<T>(what: string, work: Promise<T>): Promise<T> {
    const limit = clock.setTimer(() => destroy(`timed out waiting for ${what}`), STEP_LIMIT_MS);
    return await work.finally(() => limit.cancel());
  }

  try {
    if (options.signal.aborted) abort();
    socket.write(
      generate({
        cmd: 'connect',
        protocolId: 'MQTT',
        protocolVersion: 4,
        clean: false,
        clientId: options.clientId,
        username: options.clientId,
        password: Buffer.from(options.password),
        keepalive: KEEPALIVE_SECONDS,
      }),
    );
    await step('CONNACK', accepted.promise);
    keepAlive = clock.setTicker(() => {
      // A paused socket cannot see PINGRESP; that the broker is gone shows when it is read again.
      if (!paused && clock.monotonic() - lastReceived > SILENCE_LIMIT_MS) destroy('keep-alive timed out');
      else socket.write(PINGREQ);
    }, PING_EVERY_MS);
    socket.write(
      generate({
        cmd: 'subscribe',
        messageId: SUBSCRIBE_ID,
        subscriptions: options.filters.map((topic) => ({ topic, qos: 1 as const })),
      }),
    );
    const granted = await step('SUBACK', suback.promise);
    const refused = granted.find((qos) => qos >= REFUSED_SUBSCRIPTION);
    if (refused !== undefined) throw new SessionRefusedError('a subscription', refused);
  } catch (error) {
    destroy(error instanceof Error ? error.message : 'failed');
    throw error;
  }

  return session;
}

function openSocket(text: string): Socket {
  const url = new URL(text);
  const secure = url.protocol === 'mqtts:' || url.protocol === 'ssl:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port || (secure ? 8883 : 1883));
  // RFC 6066, section 3: an address is no server name.
  const servername = isIP(host) === 0 ? { servername: host } : {};
  const socket = secure ? connectTls({ host, port, ...servername }) : connectTcp({ host, port });
  socket.setNoDelay(true);
  return socket;
}

/** Four bytes each (MQTT 3.1.1, section 3.4), a thousand in one write. */
function encodePubacks(packetIds: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(packetIds.length * 4);
  let offset = 0;
  for (const packetId of packetIds) {
    bytes[offset] = 0x40;
    bytes[offset + 1] = 2;
    bytes.writeUInt16BE(packetId, offset + 2);
    offset += 4;
  }
  return bytes;
}
