import { Readable } from 'node:stream';
import type { AedesPublishPacket, Client } from 'aedes';
import type { BrokerCore } from '../core.ts';
import type { Connection } from './connection.ts';

/** Where a refused publish is sent: nobody can subscribe to an empty topic. */
export const DROPPED = '';

/** Stands for the subscriptions of a resumed session, which the core keeps: it makes Aedes say "session present". */
export const RESUMED = { topic: '$resumed', qos: 0 as const };

type FindConnection = (client: Client | null) => Connection | undefined;
type Done = () => void;

/** In place of Aedes' emitter: what clients publish goes to the core, what Aedes tells of itself ends here. */
export function coreEmitter(core: BrokerCore) {
  return {
    on: (_topic: string, _listener: unknown, done?: Done) => done?.(),
    removeListener: (_topic: string, _listener: unknown, done?: Done) => done?.(),
    emit(packet: AedesPublishPacket & { clientId?: string }, done: Done) {
      const { clientId, topic, payload, qos, retain: retainAsPublished } = packet;
      if (clientId !== undefined && topic !== DROPPED) {
        core.publish({
          topic,
          payload: bytes(payload),
          qos,
          retain: false,
          retainAsPublished,
          from: clientId,
        });
      }
      done();
    },
    close: (done: Done) => done(),
  };
}

/** In place of Aedes' persistence: sessions are the core's, and nothing is queued by Aedes itself. */
export function corePersistence(core: BrokerCore, find: FindConnection) {
  const sessionOf = (client: Client) => find(client)?.session ?? null;
  return {
    async setup() {},
    async storeRetained({ topic, payload, qos, clientId }: AedesPublishPacket & { clientId?: string }) {
      core.retained.store({ topic, payload: bytes(payload), qos, retain: true, from: clientId ?? null });
    },
    createRetainedStreamCombi: () => Readable.from([]),
    async addSubscriptions() {},
    async removeSubscriptions() {},
    async cleanSubscriptions() {},
    async subscriptionsByClient({ id }: { id: string }) {
      return core.sessions.get(id)?.resumed ? [RESUMED] : [];
    },
    async subscriptionsByTopic() {
      return [];
    },
    async outgoingEnqueue() {},
    async outgoingEnqueueCombi() {},
    async outgoingUpdate(client: Client, packet: { messageId: number }) {
      sessionOf(client)?.release(packet.messageId);
    },
    async outgoingClearMessageId(client: Client, packet: { messageId: number }) {
      sessionOf(client)?.acknowledge(packet.messageId);
    },
    outgoingStream: () => Readable.from([]),
    async incomingStorePacket(client: Client, { messageId }: { messageId: number }) {
      sessionOf(client)?.awaitingRelease.add(messageId);
    },
    async incomingGetPacket(client: Client, packet: { messageId: number }) {
      if (!sessionOf(client)?.awaitingRelease.has(packet.messageId)) throw new Error('no such packet');
      return packet;
    },
    async incomingDelPacket(client: Client, { messageId }: { messageId: number }) {
      sessionOf(client)?.awaitingRelease.delete(messageId);
    },
    async cleanIncoming() {},
    async putWill() {},
    async delWill() {},
    streamWill: () => Readable.from([]),
  };
}

function bytes(payload: string | Buffer): Buffer {
  return typeof payload === 'string' ? Buffer.from(payload) : payload;
}
