import mqtt, { type IPublishPacket, type MqttClient, type Packet } from 'mqtt';
import { type BackoffLimits, backoffDelay } from '../platform/backoff.ts';
import { type Clock, sleep } from '../platform/clock.ts';
import { errorCode } from '../platform/errors.ts';
import type { Logger } from '../platform/logger.ts';
import type { Random } from '../platform/random.ts';

export type Qos = 0 | 1 | 2;

export interface Subscription {
  readonly filter: string;
  readonly qos: Qos;
}

export interface ConnectionOptions {
  /** `mqtt://host:port` or `mqtts://host:port`. */
  readonly url: string;
  readonly clientId: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** What the session subscribes to, and who is told of what. */
export interface SessionPlan {
  /** Makes the password of one connection attempt. */
  readonly password: () => Promise<string>;
  readonly subscriptions: readonly Subscription[];
  /** Handles one message; the next one waits for it, and with QoS 1 the acknowledgement does. */
  readonly onMessage: (packet: IPublishPacket) => void | Promise<void>;
  /** Called each time the session is up and subscribed. */
  readonly onOnline: () => void;
  /** Called when the broker was reached but refused the session or a subscription. */
  readonly onRefused: () => void;
}

export type ConnectionState = 'offline' | 'refused' | 'online';

/** The server's own MQTT session, kept up for as long as it is not closed. */
export interface Connection {
  start(plan: SessionPlan): void;
  state(): ConnectionState;
  /** Whether its sessions end again and again soon after they began, as when another client uses the same client id. */
  isContended(): boolean;
  /** Sends, if the session is up; a message that finds it down is dropped, and `false` returned. */
  publish(topic: string, payload: string, qos: Qos, onSent?: () => void): boolean;
  /** Leaves the broker with a DISCONNECT, waiting at most `timeoutMs` for what is under way. */
  close(timeoutMs: number): Promise<void>;
}

/** Short enough to be back within 10 s of the broker's return. */
const RECONNECT: BackoffLimits = { firstMs: 250, capMs: 4_000 };
const CONNECT_TIMEOUT_MS = 5_000;
const KEEPALIVE_SECONDS = 30;
const REFUSED_SUBSCRIPTION = 128;
const SHORT_SESSION_MS = 15_000;
const SHORT_SESSIONS = 3;

/**
 * Opens a new client for every attempt, with a new token, instead of letting mqtt.js reconnect with the old password.
 * Handlers are attached before the socket opens, since redelivery follows CONNACK at once.
 */
export function createConnection(options: ConnectionOptions): Connection {
  const stopping = new AbortController();
  let state: ConnectionState = 'offline';
  let client: MqttClient | undefined;
  let failures = 0;
  let onlineSince = 0;
  let shortSessions = 0;
  let loop: Promise<void> | undefined;

  const now = options.clock.monotonic;

  async function session(plan: SessionPlan): Promise<void> {
    const current = mqtt.connect(options.url, {
      clientId: options.clientId,
      username: options.clientId,
      password: await plan.password(),
      protocolVersion: 4,
      clean: true,
      reconnectPeriod: 0,
      connectTimeout: CONNECT_TIMEOUT_MS,
      keepalive: KEEPALIVE_SECONDS,
      manualConnect: true,
      queueQoSZero: false,
    });
    client = current;
    current.handleMessage = (packet, done) => {
      const handled = handle(plan, packet);
      if (handled) void handled.then(() => done());
      else done();
    };
    current.once('packetsend', markAsBridge);
    current.on('connect', () => void subscribe(plan, current));
    current.on('error', (error) => {
      const refused = 'code' in error && (error.code === 4 || error.code === 5);
      options.log[failures === 0 ? 'warn' : 'debug'](
        { code: errorCode(error), failure: error.message },
        refused ? 'broker refused the session' : 'connection failed',
      );
      if (refused) refuse(plan, current);
    });
    const closed = new Promise<void>((resolve) => current.once('close', () => resolve()));
    current.connect();
    await closed;
    current.removeAllListeners();
    current.on('error', () => {});
    current.end(true);
    if (state === 'online') {
      options.log[stopping.signal.aborted ? 'info' : 'warn']('disconnected from the broker');
      failures = 0;
      shortSessions = now() - onlineSince < SHORT_SESSION_MS ? shortSessions + 1 : 0;
      if (shortSessions === SHORT_SESSIONS && !stopping.signal.aborted) {
        options.log.warn(
          { clientId: options.clientId },
          'sessions end soon after they begin: another instance may have the same INSTANCE_ID',
        );
      }
    } else {
      failures++;
    }
    if (state !== 'refused') state = 'offline';
  }

  /** Returns nothing where the message is done with, as a PING is: waiting for the next turn would hold the next message. */
  function handle(plan: SessionPlan, packet: IPublishPacket): Promise<void> | undefined {
    const failed = (error: unknown) =>
      options.log.error({ err: error, topic: packet.topic }, 'message handler failed');
    try {
      return plan.onMessage(packet)?.catch(failed);
    } catch (error) {
      failed(error);
      return undefined;
    }
  }

  async function subscribe(plan: SessionPlan, current: MqttClient): Promise<void> {
    try {
      for (const { filter, qos } of plan.subscriptions) {
        const granted = await current.subscribeAsync(filter, { qos });
        if (granted.some((grant) => grant.qos >= REFUSED_SUBSCRIPTION)) throw new Error(`refused: ${filter}`);
      }
      state = 'online';
      onlineSince = now();
      options.log.info({ clientId: options.clientId }, 'connected to the broker');
      plan.onOnline();
    } catch (error) {
      if (current.disconnecting || !current.connected) return;
      options.log.warn({ err: error }, 'broker refused a subscription');
      refuse(plan, current);
    }
  }

  function refuse(plan: SessionPlan, current: MqttClient): void {
    state = 'refused';
    plan.onRefused();
    current.end(true);
  }

  async function run(plan: SessionPlan): Promise<void> {
    while (!stopping.signal.aborted) {
      await session(plan);
      await sleep(options.clock, backoffDelay(failures, RECONNECT, options.random), stopping.signal);
    }
  }

  return {
    start(plan) {
      loop ??= run(plan);
    },
    state: () => state,
    isContended: () => shortSessions >= SHORT_SESSIONS && now() - onlineSince < SHORT_SESSION_MS,
    publish(topic, payload, qos, onSent) {
      if (state !== 'online' || !client?.connected) return false;
      client.publish(topic, payload, { qos, retain: false }, (error) => {
        if (error) options.log.debug({ err: error, topic }, 'message was not delivered');
        else onSent?.();
      });
      return true;
    },
    async close(timeoutMs) {
      stopping.abort();
      const current = client;
      if (current?.connected) {
        // It waits for what is not acknowledged yet, and cannot be told to stop waiting.
        const left = current.endAsync().catch(() => {});
        const waiting = new AbortController();
        await Promise.race([left, sleep(options.clock, timeoutMs, waiting.signal)]);
        waiting.abort();
        current.stream.destroy();
      } else {
        current?.end(true);
      }
      await loop;
    },
  };
}

/**
 * Sets the bridge bit of the protocol level in the CONNECT packet, which mqtt.js writes but has no option for. To a bridge
 * the broker shows the retain flag of what is published while it is subscribed (EMQX `emqx_channel`, retain as published);
 * to others it clears it, as MQTT 3.1.1 section 3.3.1.3 has it, and a retained PING could not be told from another.
 */
function markAsBridge(packet: Packet): void {
  if (packet.cmd === 'connect') Object.assign(packet, { bridgeMode: true });
}
