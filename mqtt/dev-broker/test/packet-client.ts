import { connect } from 'node:net';
import {
  parser as createParser,
  generate,
  type IConnackPacket,
  type IConnectPacket,
  type Packet,
  type PacketCmd,
} from 'mqtt-packet';
import { inTime } from './mqtt-client.ts';

/** A client that does nothing by itself: no packet is acknowledged but by the test. */
export interface PacketClient {
  connack: IConnackPacket;
  send(packet: Packet): void;
  /** The next packet of a kind; others stay where they are. Rejects when none comes in time. */
  next<C extends PacketCmd>(cmd: C): Promise<Extract<Packet, { cmd: C }>>;
  /** The kinds of the packets that have come and were not asked for, oldest first. */
  waiting(): PacketCmd[];
  untilClosed(): Promise<void>;
  close(): void;
}

export async function openPackets(url: string, hello: IConnectPacket): Promise<PacketClient> {
  const { hostname, port } = new URL(url);
  const protocolVersion = hello.protocolVersion ?? 4;
  const parser = createParser({ protocolVersion });
  const received: Packet[] = [];
  let wake = () => {};
  parser.on('packet', (packet) => {
    received.push(packet);
    wake();
  });
  const socket = connect(Number(port), hostname);
  socket.on('data', (chunk: Buffer) => parser.parse(chunk));
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const send = (packet: Packet) => void socket.write(generate(packet, { protocolVersion }));

  async function next<C extends PacketCmd>(cmd: C): Promise<Extract<Packet, { cmd: C }>> {
    for (;;) {
      const index = received.findIndex((packet) => packet.cmd === cmd);
      const [found] = index < 0 ? [] : received.splice(index, 1);
      if (found) return found as Extract<Packet, { cmd: C }>;
      const more = new Promise<void>((resolve) => {
        wake = resolve;
      });
      await inTime(more, `${cmd} for ${hello.clientId}`);
    }
  }

  send(hello);
  return {
    connack: await next('connack'),
    send,
    next,
    waiting: () => received.map(({ cmd }) => cmd),
    untilClosed: () => inTime(closed, `the end of ${hello.clientId}`),
    close: () => socket.destroy(),
  };
}
