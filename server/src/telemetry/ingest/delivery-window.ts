import { sql } from 'drizzle-orm';
import type { Queryable } from '../../platform/db/client.ts';
import type { Delivery } from './windowed-consumer.ts';

/**
 * What the session has delivered lately and is stored: hash by packet id. A message that comes again after a reconnect
 * has the packet id of its first delivery (MQTT 3.1.1, section 4.4), and at most as many come again as the broker keeps in flight.
 */
export interface DeliveryWindow {
  /** Whether this very message is stored already. */
  holds(packetId: number, hash: bigint): boolean;
  /** Notes deliveries that have been stored as `batch`. */
  add(batch: number, stored: readonly StoredDelivery[]): void;
  /** The number that the next batch is stored under. */
  nextBatch(): number;
  /** Batches below this one are no longer needed in the database. */
  oldestBatch(): number;
  clear(): void;
}

export interface StoredDelivery {
  readonly packetId: number;
  readonly hash: bigint;
}

/** Twice what a broker that is set up by this server keeps in flight (`max_inflight` of its zone `server`: 2,048). */
const WINDOW = 4_096;
const ENTRY_BYTES = 10;

function createDeliveryWindow(): DeliveryWindow {
  const hashes = new Map<number, bigint>();
  let batches: { readonly batch: number; readonly packetIds: readonly number[] }[] = [];
  let size = 0;
  let last = 0;
  return {
    holds: (packetId, hash) => hashes.get(packetId) === hash,
    add(batch, stored) {
      last = Math.max(last, batch);
      if (stored.length === 0) return;
      for (const { packetId, hash } of stored) {
        // Map keeps the order of insertion: the newest delivery of a packet id counts.
        hashes.delete(packetId);
        hashes.set(packetId, hash);
      }
      batches.push({ batch, packetIds: stored.map(({ packetId }) => packetId) });
      size += stored.length;
      for (let oldest = batches[0]; oldest && size - oldest.packetIds.length >= WINDOW; oldest = batches[0]) {
        size -= oldest.packetIds.length;
        batches.shift();
      }
      for (const packetId of hashes.keys()) {
        if (hashes.size <= size) break;
        hashes.delete(packetId);
      }
    },
    nextBatch: () => last + 1,
    oldestBatch: () => batches[0]?.batch ?? last + 1,
    clear() {
      hashes.clear();
      batches = [];
      size = 0;
    },
  };
}

/** Tells one message from another that happens to get the same packet id. */
export function hashDelivery({ topic, payload }: Pick<Delivery, 'topic' | 'payload'>): bigint {
  return Bun.hash.xxHash64(payload, Bun.hash.xxHash64(topic));
}

/** The window as the last holder of the session left it. */
export async function readDeliveryWindow(db: Queryable): Promise<DeliveryWindow> {
  const window = createDeliveryWindow();
  const rows = await db.execute<{ batch: string; deliveries: Uint8Array }>(
    sql`select batch, deliveries from ingest_deliveries order by batch`,
  );
  for (const { batch, deliveries } of rows) window.add(Number(batch), decode(deliveries));
  return window;
}

/** Writes the deliveries of a batch, and at times drops the batches that left the window. */
export async function writeDeliveries(
  db: Queryable,
  batch: number,
  stored: readonly StoredDelivery[],
  oldestBatch: number,
): Promise<void> {
  if (stored.length === 0) return;
  await db.execute(
    sql`insert into ingest_deliveries (batch, deliveries) values (${batch}, ${encode(stored)})`,
  );
  if (batch % TRIM_EVERY === 0) {
    await db.execute(sql`delete from ingest_deliveries where batch < ${oldestBatch}`);
  }
}

/** A session that the broker does not know starts with packet ids of its own. */
export async function clearDeliveries(db: Queryable): Promise<void> {
  await db.execute(sql`delete from ingest_deliveries`);
}

const TRIM_EVERY = 32;

function encode(stored: readonly StoredDelivery[]): Buffer {
  const bytes = Buffer.allocUnsafe(stored.length * ENTRY_BYTES);
  stored.forEach(({ packetId, hash }, index) => {
    bytes.writeUInt16BE(packetId, index * ENTRY_BYTES);
    bytes.writeBigUInt64BE(hash, index * ENTRY_BYTES + 2);
  });
  return bytes;
}

function decode(deliveries: Uint8Array): StoredDelivery[] {
  const bytes = Buffer.from(deliveries);
  return Array.from({ length: Math.floor(bytes.length / ENTRY_BYTES) }, (_, index) => ({
    packetId: bytes.readUInt16BE(index * ENTRY_BYTES),
    hash: bytes.readBigUInt64BE(index * ENTRY_BYTES + 2),
  }));
}
