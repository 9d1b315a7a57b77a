/** Publishers that send as fast as the broker takes it: raw packets, QoS 1, 100 in flight on each connection. */
import { connect, type Socket } from 'node:net';
import { generate, parser } from 'mqtt-packet';
import { z } from 'zod';
import { answerParent } from './answer-parent.ts';

const WINDOW = 100;

const runArgument = z.object({ prefix: z.string(), each: z.number(), payload: z.string() });
const connectArgument = z.object({
  port: z.number(),
  devices: z.array(z.object({ uuid: z.string(), token: z.string() })),
});

interface Publisher {
  readonly uuid: string;
  readonly socket: Socket;
  onPuback: () => void;
}

let publishers: Publisher[] = [];

function open(port: number, { uuid, token }: { uuid: string; token: string }): Promise<Publisher> {
  const socket = connect({ host: '127.0.0.1', port });
  const publisher: Publisher = { uuid, socket, onPuback: () => {} };
  const packets = parser({ protocolVersion: 4 });
  const { promise, resolve, reject } = Promise.withResolvers<Publisher>();
  packets.on('packet', (packet) => {
    if (packet.cmd === 'puback') publisher.onPuback();
    if (packet.cmd !== 'connack') return;
    if (packet.returnCode === 0) resolve(publisher);
    else reject(new Error(`refused: ${packet.returnCode}`));
  });
  socket.on('data', (bytes: Buffer) => void packets.parse(bytes));
  socket.on('error', reject);
  socket.write(
    generate({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clean: true,
      clientId: uuid,
      username: uuid,
      password: Buffer.from(token),
      keepalive: 0,
    }),
  );
  return promise;
}

/** Sends `count` messages; resolves when the last one is acknowledged by the broker. */
function publish(publisher: Publisher, topic: string, payload: string, count: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let sent = 0;
  let acknowledged = 0;
  const sendNext = () => {
    sent++;
    publisher.socket.write(
      generate({ cmd: 'publish', topic, payload, qos: 1, messageId: sent, dup: false, retain: false }),
    );
  };
  publisher.onPuback = () => {
    acknowledged++;
    if (sent < count) sendNext();
    if (acknowledged === count) resolve();
  };
  while (sent < Math.min(count, WINDOW)) sendNext();
  return promise;
}

answerParent({
  async connect(argument) {
    const { port, devices } = connectArgument.parse(argument);
    publishers = await Promise.all(devices.map((device) => open(port, device)));
  },
  async run(argument) {
    const { prefix, each, payload } = runArgument.parse(argument);
    await Promise.all(
      publishers.map((publisher) => publish(publisher, `${prefix}/${publisher.uuid}/data`, payload, each)),
    );
  },
});
