import type { Socket } from 'node:net';
import { parser as createParser } from 'mqtt-packet';
import type { BrokerCore } from '../core.ts';
import { endForFault } from './connect.ts';
import { Connection, type ListenerIdentity } from './connection.ts';
import { PacketGuard } from './packet-guard.ts';
import { handlePacket } from './packets.ts';
import { REASON } from './reason-codes.ts';
import type { SubackGate } from './suback-gate.ts';

/** How long a connection may take to send CONNECT (`idle_timeout`). */
const CONNECT_TIMEOUT_MS = 15_000;

/** Speaks MQTT 3.1, 3.1.1 and 5 on a socket until either side ends it. */
export function acceptSocket(
  core: BrokerCore,
  subacks: SubackGate,
  socket: Socket,
  listener: ListenerIdentity,
): void {
  const connection = new Connection(socket, listener, () => core.clock.now());
  const parser = createParser();
  const guard = new PacketGuard(() => core.limitsFor(connection).maxPacketBytes);
  core.clients.add(connection);
  socket.setNoDelay(true);

  const silence = watchSilence(() => {
    if (connection.session) core.endClient(connection, 'keepalive_timeout');
    else socket.destroy();
  });
  silence.limit(CONNECT_TIMEOUT_MS);

  parser.on('packet', (packet) => {
    if (connection.ended) return;
    handlePacket(core, subacks, connection, packet);
    if (packet.cmd === 'connect') {
      const { keepaliveMultiplier } = core.limitsFor(connection);
      silence.limit(connection.keepaliveSeconds * 1000 * keepaliveMultiplier);
    }
  });
  parser.on('error', () => endForFault(core, connection, REASON.malformedPacket));

  function parse(chunk: Buffer): void {
    try {
      parser.parse(chunk);
    } catch {
      // mqtt-packet throws at some packets that it cannot read, besides the error that it emits at others.
      endForFault(core, connection, REASON.malformedPacket);
    }
  }

  socket.on('data', (chunk: Buffer) => {
    if (connection.ended) return;
    silence.heard();
    const verdict = guard.accept(chunk);
    connection.receivedPackets = guard.packets;
    if (verdict === 'tooLarge') endForFault(core, connection, REASON.packetTooLarge);
    else if (verdict === 'malformed') endForFault(core, connection, REASON.malformedPacket);
    else parse(chunk);
  });
  socket.on('error', () => {});
  socket.once('close', () => {
    silence.stop();
    core.endClient(connection, 'tcp_closed');
  });
}

/**
 * Calls back when nothing was heard for the limit; 0 is no limit. This is the machine's time, not the broker's clock:
 * a clock that is advanced by hours would cut every connection.
 */
function watchSilence(onSilence: () => void) {
  let limitMs = 0;
  let heardAt = performance.now();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const check = () => {
    const leftMs = heardAt + limitMs - performance.now();
    if (leftMs <= 0) onSilence();
    else arm(leftMs);
  };
  const arm = (ms: number) => {
    timer = setTimeout(check, ms);
    timer.unref();
  };
  return {
    limit(ms: number) {
      clearTimeout(timer);
      limitMs = ms;
      heardAt = performance.now();
      if (ms > 0) arm(ms);
    },
    heard() {
      heardAt = performance.now();
    },
    stop() {
      clearTimeout(timer);
    },
  };
}
