import { connect } from 'node:net';
import { inTime } from './mqtt-client.ts';
import { token } from './target.ts';

/** Sends bytes, the rest of them once there was an answer, and gives all that came back until the end. */
export function sendRaw(port: number, first: Buffer, ...rest: Buffer[]): Promise<Buffer> {
  const received: Buffer[] = [];
  const answer = new Promise<Buffer>((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(first));
    socket.on('data', (chunk: Buffer) => {
      received.push(chunk);
      for (const packet of rest.splice(0)) socket.write(packet);
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(Buffer.concat(received)));
  });
  return inTime(answer, 'the end of a raw connection');
}

export const field = (text: string) => {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
};

export function packet(type: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const length = body.length < 128 ? [body.length] : [(body.length & 0x7f) | 0x80, body.length >> 7];
  return Buffer.concat([Buffer.from([type, ...length]), body]);
}

export async function connectPacket(clientId: string, { version = 4, flags = 0xc2 } = {}): Promise<Buffer> {
  const properties = version === 5 ? [Buffer.from([0])] : [];
  const head = Buffer.from([version, flags, 0, 60]);
  const credentials = flags & 0x80 ? [field(`${clientId}.1`), field(await token(clientId))] : [];
  return packet(0x10, field('MQTT'), head, ...properties, field(clientId), ...credentials);
}

export const publishPacket = (topic: string) => packet(0x30, field(topic), Buffer.from('x'));
export const subscribePacket = (filter: string, qos = 0) =>
  packet(0x82, Buffer.from([0, 1]), field(filter), Buffer.from([qos]));

/** A connection whose packets are written and read by hand. */
export interface RawConnection {
  send(...packets: Buffer[]): void;
  /** The next bytes; rejects when they do not come in time. */
  read(count: number): Promise<Buffer>;
  untilClosed(): Promise<void>;
  cut(): void;
}

export function openRaw(port: number): Promise<RawConnection> {
  let received = Buffer.alloc(0);
  let wake = () => {};
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () =>
      resolve({
        send: (...packets) => void socket.write(Buffer.concat(packets)),
        async read(count) {
          while (received.length < count) {
            const more = new Promise<void>((resume) => {
              wake = resume;
            });
            await inTime(more, `${count} bytes`);
          }
          const bytes = received.subarray(0, count);
          received = received.subarray(count);
          return bytes;
        },
        untilClosed: () => inTime(closed, 'the end of a raw connection'),
        cut: () => socket.destroy(),
      }),
    );
    const closed = new Promise<void>((end) => socket.once('close', () => end()));
    socket.on('error', reject);
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      wake();
    });
  });
}
