import type { MqttClient } from 'mqtt';
import {
  type About,
  about as aboutSchema,
  type Command,
  command,
  MAX_ABOUT_BYTES,
  PING,
  recordNumber,
} from '../contract/messages.ts';
import {
  aboutTopic,
  ackTopic,
  commandTopic,
  dataTopic,
  linkTopic,
  pingTopic,
  replyTopic,
} from '../contract/topics.ts';
import { backoffDelay } from '../src/platform/backoff.ts';
import { type Clock, sleep } from '../src/platform/clock.ts';
import type { Random } from '../src/platform/random.ts';
import { type CommandHandler, createCommandMemory } from './command-memory.ts';
import { createAccess, type Token } from './device-access.ts';
import type { DeviceEvent } from './device-events.ts';
import { parseJson } from './device-http.ts';
import { connectMqtt, isRefusal, subscribeAll } from './device-session.ts';
import { BACKOFF, reconnectWaitMs } from './device-waits.ts';
import { createNumberedRecords } from './numbered-records.ts';
import { createResend } from './resend.ts';

export interface DeviceClientOptions {
  /** The server, such as `https://iot.example.net`. */
  readonly server: string;
  readonly uuid: string;
  /** Device key or role secret. */
  readonly credential: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Whether to connect to the TLS listener, where the server names one. */
  readonly tls?: boolean;
  /** Other devices whose link topics it uses: a master's agents, or an agent's master. */
  readonly links?: readonly string[];
  readonly about?: About;
  /** Without one every command is answered with an error. */
  readonly onCommand?: CommandHandler;
  readonly onEvent?: (event: DeviceEvent) => void;
  /** Numbered records kept until they are acknowledged, at most. */
  readonly maxRecords?: number;
}

/** A device as docs/protocol.md has it, kept online until it is closed. Many of them fit into one process. */
export interface DeviceClient {
  start(): void;
  online(): boolean;
  /** Publishes a telemetry record: numbered, and sent again until the server acknowledges it. */
  record(fields: Readonly<Record<string, unknown>>): void;
  /** Publishes a telemetry record without a number, which is lost if the device is offline; then `false` is returned. */
  data(fields: Readonly<Record<string, unknown>>): boolean;
  /** Sends a PING and waits for its PONG. Rejects when none comes within 10 s, or the connection ends. */
  ping(): Promise<void>;
  /** Publishes on the link topic of a device; its own, or one of `links`. `false` if the device is offline. */
  send(linkOf: string, message: Readonly<Record<string, unknown>>): boolean;
  /** Records that wait for an acknowledgement, and those given up. */
  records(): { readonly waiting: number; readonly lost: number };
  /** Cuts the connection without a DISCONNECT, as a lost radio link does. The client then reconnects by itself. */
  drop(): void;
  /** Leaves the broker with a DISCONNECT. */
  close(): Promise<void>;
}

const PONG_LIMIT_MS = 10_000;
const RETRY_DENIED_MS = 60_000;
/** A broker that cannot be reached so often may have moved. */
const FAILURES_UNTIL_ASKED = 3;
const MAX_TIMER_MS = 2 ** 31 - 1;
const IDLE_CHECK_MS = 100;
const DEFAULT_MAX_RECORDS = 1_000;

export function createDeviceClient(options: DeviceClientOptions): DeviceClient {
  const { uuid, clock, random } = options;
  const emit = options.onEvent ?? (() => {});
  const stopping = new AbortController();
  const records = createNumberedRecords(random, options.maxRecords ?? DEFAULT_MAX_RECORDS);
  const resend = createResend({ clock, random, onDue: sendRecords });
  const answer = createCommandMemory(
    options.onCommand ??
      (() => {
        throw new Error('no such command');
      }),
  );
  const links = [uuid, ...(options.links ?? [])].map(linkTopic);
  const about = options.about && JSON.stringify(aboutSchema.parse(options.about));
  if (about !== undefined && Buffer.byteLength(about) > MAX_ABOUT_BYTES) {
    throw new Error(`about has more than ${MAX_ABOUT_BYTES} bytes`);
  }
  let client: MqttClient | undefined;
  let online = false;
  let connectFailures = 0;
  /** Deliveries and commands under way: a renewed token waits for them. */
  let busy = 0;
  let pongs: PromiseWithResolvers<void>[] = [];
  let running: Promise<void> | undefined;

  const access = createAccess({ ...options, emit, signal: stopping.signal });
  const pause = (waitMs: number, signal: AbortSignal = stopping.signal) => sleep(clock, waitMs, signal);

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      const token = access.token();
      const url = access.brokerUrl();
      if (!token) await access.obtainToken();
      else if (url === undefined) await access.obtainBrokerUrl(token);
      else await connect(token, url);
    }
  }

  async function connect(by: Token, url: string): Promise<void> {
    let current: MqttClient;
    try {
      current = await connectMqtt(url, { clientId: uuid, username: by.username, password: by.text });
    } catch (error) {
      const waitMs = backoffDelay(connectFailures++, BACKOFF, random);
      const why = error instanceof Error ? error.message : String(error);
      const message = `the broker at ${url} refused or cannot be reached: ${why}`;
      const refused = isRefusal(error);
      if (refused) access.dropToken();
      else if (connectFailures % FAILURES_UNTIL_ASKED === 0) access.forgetBroker();
      emit({
        type: 'failure',
        failure: { reason: refused ? 'broker_refused' : 'broker_unreachable', message },
        waitMs,
      });
      return pause(waitMs);
    }
    const ended = new AbortController();
    current.once('close', () => ended.abort());
    if (!current.connected) ended.abort();
    current.on('message', (topic, payload, { retain }) => receive(current, topic, payload, retain));
    client = current;
    if (stopping.signal.aborted) current.end(true);
    emit({ type: 'connected' });
    void goOnline(current, ended.signal);
    void renewInTime(current, by, ended.signal);
    await new Promise<void>((resolve) => {
      if (ended.signal.aborted) return resolve();
      ended.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await leave(current, by);
  }

  async function leave(current: MqttClient, by: Token): Promise<void> {
    const wasOnline = online;
    online = false;
    client = undefined;
    resend.stop();
    current.end(true);
    for (const { reject } of pongs.splice(0)) reject(new Error('the broker closed the connection'));
    emit({ type: 'offline' });
    // A renewed token is used at once.
    if (stopping.signal.aborted || isRenewed(by)) return;
    if (wasOnline) connectFailures = 0;
    await pause(wasOnline ? reconnectWaitMs(random) : backoffDelay(connectFailures++, BACKOFF, random));
  }

  async function goOnline(current: MqttClient, ended: AbortSignal): Promise<void> {
    try {
      const own = [pingTopic(uuid), commandTopic(uuid), ackTopic(uuid)];
      let denied = await subscribeAll(current, [...own, ...links]);
      online = true;
      emit({ type: 'online', denied });
      if (about !== undefined) deliver(aboutTopic(uuid), about);
      sendRecords();
      while (denied.length > 0) {
        await pause(RETRY_DENIED_MS, ended);
        if (ended.aborted) return;
        denied = await subscribeAll(current, denied);
      }
    } catch {
      // The connection ended; `connect` goes on from there.
    }
  }

  /** Renews the token while it is still good, and comes back with the new one when nothing is under way. */
  async function renewInTime(current: MqttClient, by: Token, ended: AbortSignal): Promise<void> {
    while (!ended.aborted && !isRenewed(by)) {
      const leftMs = by.renewAt - clock.now();
      if (leftMs > 0) await pause(Math.min(leftMs, MAX_TIMER_MS), ended);
      else await access.obtainToken(ended);
    }
    while (!ended.aborted && busy > 0) await pause(IDLE_CHECK_MS, ended);
    if (!ended.aborted) await current.endAsync().catch(() => {});
  }

  function isRenewed(by: Token): boolean {
    const token = access.token();
    return token !== undefined && token !== by;
  }

  function receive(current: MqttClient, topic: string, payload: Buffer, retained: boolean): void {
    const text = payload.toString('utf8');
    if (topic === pingTopic(uuid)) {
      if (text !== PING) pongs.shift()?.resolve();
    } else if (topic === ackTopic(uuid)) {
      const ack = recordNumber.safeParse(parseJson(text));
      if (!ack.success) return;
      if (records.acknowledge(ack.data)) resend.progressed(records.size());
      emit({ type: 'acknowledged', n: ack.data.n });
    } else if (retained) {
      return;
    } else if (topic === commandTopic(uuid)) {
      const parsed = command.safeParse(parseJson(text));
      if (parsed.success) void obey(current, parsed.data);
    } else {
      emit({ type: 'message', topic, payload: text });
    }
  }

  async function obey(current: MqttClient, given: Command): Promise<void> {
    emit({ type: 'command', command: given });
    busy++;
    const reply = JSON.stringify(await answer(given));
    busy--;
    if (current.connected) deliver(replyTopic(uuid), reply);
  }

  /** All that are not acknowledged. */
  function sendRecords(): void {
    for (const payload of records.pending()) sendRecord(payload);
  }

  function sendRecord(payload: string): void {
    if (deliver(dataTopic(uuid), payload)) resend.sent();
  }

  function deliver(topic: string, payload: string): boolean {
    if (!online || !client?.connected) return false;
    busy++;
    client.publish(topic, payload, { qos: 1 }, () => busy--);
    return true;
  }

  return {
    start() {
      running ??= run();
    },
    online: () => online,
    record(fields) {
      sendRecord(records.add(fields));
    },
    data: (fields) => deliver(dataTopic(uuid), JSON.stringify(fields)),
    async ping() {
      const waiter = Promise.withResolvers<void>();
      pongs.push(waiter);
      const limit = clock.setTimer(
        () => waiter.reject(new Error(`no PONG within ${PONG_LIMIT_MS / 1000} s`)),
        PONG_LIMIT_MS,
      );
      try {
        if (!deliver(pingTopic(uuid), PING)) throw new Error('the device is offline');
        await waiter.promise;
      } finally {
        limit.cancel();
        pongs = pongs.filter((other) => other !== waiter);
      }
    },
    send: (linkOf, message) => deliver(linkTopic(linkOf), JSON.stringify(message)),
    records: () => ({ waiting: records.size(), lost: records.lost() }),
    drop() {
      client?.stream.destroy();
    },
    async close() {
      stopping.abort();
      await client?.endAsync().catch(() => client?.end(true));
      await running;
    },
  };
}
