import type { Qos } from '../authorization/rules.ts';

/** A message on its way through the broker. */
export interface Message {
  topic: string;
  payload: Buffer;
  qos: Qos;
  /** Set only where the flag is to be seen by the receiver: a retained message given to a new subscriber. */
  retain: boolean;
  /** Whether it was published with the flag, which only a bridge is shown. */
  retainAsPublished?: boolean;
  /** Client id of the publisher; null for the broker itself and for REST. */
  from: string | null;
}

/** PUBLISH of MQTT 3.1.1 (section 3.3); `packetId` is ignored at QoS 0. */
export function encodePublish(message: Message, qos: Qos, packetId: number, dup: boolean): Buffer {
  const topicBytes = Buffer.byteLength(message.topic);
  const remaining = 2 + topicBytes + (qos > 0 ? 2 : 0) + message.payload.length;
  const lengthBytes = remaining < 128 ? 1 : remaining < 16_384 ? 2 : remaining < 2_097_152 ? 3 : 4;
  const packet = Buffer.allocUnsafe(1 + lengthBytes + remaining);
  packet[0] = 0x30 | (dup ? 0x08 : 0) | (qos << 1) | (message.retain ? 1 : 0);
  let offset = 1;
  let rest = remaining;
  do {
    packet[offset++] = (rest & 0x7f) | (rest > 127 ? 0x80 : 0);
    rest >>= 7;
  } while (rest > 0);
  offset = packet.writeUInt16BE(topicBytes, offset);
  offset += packet.write(message.topic, offset);
  if (qos > 0) offset = packet.writeUInt16BE(packetId, offset);
  message.payload.copy(packet, offset);
  return packet;
}

/** PUBREL of MQTT 3.1.1 (section 3.6). */
export function encodePubrel(packetId: number): Buffer {
  return Buffer.from([0x62, 2, packetId >> 8, packetId & 0xff]);
}
