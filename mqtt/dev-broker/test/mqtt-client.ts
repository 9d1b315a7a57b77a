import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';

/** How long anything that must happen may take. */
const DEADLINE_MS = 5_000;

export interface Received {
  topic: string;
  text: string;
  qos: number;
  dup: boolean;
  retain: boolean;
  messageId: number | undefined;
}

/** A connected mqtt.js client that keeps what it receives until it is asked for. */
export interface TestClient {
  mqtt: MqttClient;
  sessionPresent: boolean;
  /** The next message; rejects when none comes in time. */
  next(): Promise<Received>;
  /** What has been received and not asked for. */
  pending(): Received[];
  /** Resolves once the connection is closed, by whomever; rejects when it stays open. */
  untilClosed(): Promise<void>;
  /** The granted QoS of each filter, 128 where refused. */
  subscribe(filters: string | string[], qos?: 0 | 1 | 2): Promise<number[]>;
  publish(topic: string, text: string, options?: PublishOptions): Promise<void>;
  /** Publishes at QoS 1 and gives the reason code of the PUBACK, which MQTT 5 alone has. */
  publishForReason(topic: string, text: string, options?: PublishOptions): Promise<number>;
  /** The reason code of the DISCONNECT that the broker sent, once the connection is closed. */
  disconnectReason(): Promise<number | undefined>;
  /** Cuts the connection without a DISCONNECT. */
  cut(): Promise<void>;
  /** Says DISCONNECT. */
  end(): Promise<void>;
}

export interface PublishOptions {
  qos?: 0 | 1 | 2;
  retain?: boolean;
  messageExpiryInterval?: number;
}

export type ConnectResult = { ok: true; client: TestClient } | { ok: false; returnCode: number | 'closed' };

/** Connects once; `holdAcks` leaves QoS 1 messages unacknowledged. */
export function tryConnect(
  url: string,
  options: IClientOptions & { holdAcks?: boolean },
): Promise<ConnectResult> {
  const { holdAcks = false, ...rest } = options;
  const client = mqtt.connect(url, { reconnectPeriod: 0, connectTimeout: DEADLINE_MS, ...rest });
  const inbox = createInbox();
  let onClose = () => {};
  const closed = new Promise<void>((resolve) => {
    onClose = resolve;
  });
  const disconnect: { reasonCode?: number } = {};
  client.on('packetreceive', (packet) => {
    if (packet.cmd === 'disconnect' && packet.reasonCode !== undefined)
      disconnect.reasonCode = packet.reasonCode;
    if (packet.cmd !== 'publish') return;
    const { topic, payload, qos, dup, retain, messageId } = packet;
    inbox.add({ topic, text: payload.toString(), qos, dup, retain, messageId });
  });
  if (holdAcks) client.handleMessage = () => {};
  return new Promise((resolve) => {
    client.on('connect', ({ sessionPresent }) => {
      resolve({
        ok: true,
        client: wrap(client, sessionPresent, inbox, closed, disconnect),
      });
    });
    client.on('error', (error) => {
      const code = 'code' in error && typeof error.code === 'number' ? error.code : 'closed';
      resolve({ ok: false, returnCode: code });
    });
    client.on('close', () => {
      onClose();
      resolve({ ok: false, returnCode: 'closed' });
    });
  });
}

/** Rejects when the promise is not settled in time. */
export async function inTime<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${DEADLINE_MS} ms`)), DEADLINE_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function wrap(
  client: MqttClient,
  sessionPresent: boolean,
  inbox: Inbox,
  closed: Promise<void>,
  disconnect: { reasonCode?: number },
): TestClient {
  return {
    mqtt: client,
    sessionPresent,
    next: () => inTime(inbox.next(), `a message for ${client.options.clientId}`),
    pending: inbox.pending,
    untilClosed: () => inTime(closed, `the end of ${client.options.clientId}`),
    subscribe: (filters, qos = 1) => subscribe(client, filters, qos),
    async publish(topic, text, options) {
      await inTime(client.publishAsync(topic, text, publishOptions(options)), `PUBACK for ${topic}`);
    },
    async publishForReason(topic, text, options) {
      const puback = new Promise<number>((resolve) => {
        const onPacket = (packet: { cmd: string; reasonCode?: number }) => {
          if (packet.cmd !== 'puback') return;
          client.removeListener('packetreceive', onPacket);
          resolve(packet.reasonCode ?? 0);
        };
        client.on('packetreceive', onPacket);
      });
      // A refusal is an answer here; mqtt.js takes it for an error.
      client.publish(topic, text, publishOptions(options), () => {});
      return inTime(puback, `PUBACK for ${topic}`);
    },
    async disconnectReason() {
      await inTime(closed, `the end of ${client.options.clientId}`);
      return disconnect.reasonCode;
    },
    async cut() {
      client.stream.destroy();
      await closed;
    },
    async end() {
      await client.endAsync();
    },
  };
}

function publishOptions({ qos = 1, retain = false, messageExpiryInterval }: PublishOptions = {}) {
  return messageExpiryInterval === undefined
    ? { qos, retain }
    : { qos, retain, properties: { messageExpiryInterval } };
}

function subscribe(client: MqttClient, filters: string | string[], qos: 0 | 1 | 2): Promise<number[]> {
  const suback = new Promise<number[]>((resolve) => {
    const onPacket = (packet: { cmd: string; granted?: unknown }) => {
      if (packet.cmd !== 'suback' || !Array.isArray(packet.granted)) return;
      client.removeListener('packetreceive', onPacket);
      resolve(packet.granted.map(Number));
    };
    client.on('packetreceive', onPacket);
  });
  // A refusal is an answer here; mqtt.js takes it for an error.
  client.subscribe(filters, { qos }, () => {});
  return inTime(suback, `SUBACK for ${filters}`);
}

interface Inbox {
  add(message: Received): void;
  next(): Promise<Received>;
  pending(): Received[];
}

function createInbox(): Inbox {
  const waiting: ((message: Received) => void)[] = [];
  let messages: Received[] = [];
  return {
    add(message) {
      const waiter = waiting.shift();
      if (waiter) waiter(message);
      else messages.push(message);
    },
    next() {
      const message = messages.shift();
      return message
        ? Promise.resolve(message)
        : new Promise((resolve) => {
            waiting.push(resolve);
          });
    },
    pending() {
      const kept = messages;
      messages = [];
      return kept;
    },
  };
}
