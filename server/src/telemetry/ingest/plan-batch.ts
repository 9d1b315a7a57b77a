import { MAX_ABOUT_BYTES } from '../../../contract/messages.ts';
import { isDeviceUuid } from '../../../contract/uuid.ts';
import { type DeliveryWindow, hashDelivery, type StoredDelivery } from './delivery-window.ts';
import { parseRecord, type RecordNumber, type RejectReason, recordNumber, recordTime } from './record.ts';
import { acknowledgedUpTo, type Stream, takeNumber } from './streams.ts';
import type { Delivery } from './windowed-consumer.ts';

/** A record to be stored. Times are Unix microseconds. */
export interface TelemetryRecord {
  readonly deviceId: string;
  readonly atUs: number;
  readonly receivedUs: number;
  /** The JSON object as the device wrote it. */
  readonly text: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A JSON object that a device sent on another topic than `data`. */
export interface DeviceDocument {
  readonly deviceId: string;
  readonly receivedUs: number;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface Reject {
  readonly deviceId: string | undefined;
  readonly topic: string;
  readonly reason: RejectReason | 'unknown_topic';
  readonly payload: Buffer;
  readonly receivedUs: number;
}

export interface DeviceCounts {
  stored: number;
  lost: number;
  repeated: number;
  rejected: number;
}

/** What a batch comes to, before anything of it is written. */
export interface BatchPlan {
  readonly records: readonly TelemetryRecord[];
  readonly replies: readonly DeviceDocument[];
  readonly abouts: readonly DeviceDocument[];
  readonly rejects: readonly Reject[];
  /** What the broker delivered, for the window. */
  readonly deliveries: readonly StoredDelivery[];
  /** Streams that had a number in the batch, by `streamKey`. */
  readonly streams: ReadonlyMap<string, NumberedStream>;
  readonly acknowledgements: readonly Acknowledgement[];
  readonly counts: ReadonlyMap<string, Readonly<DeviceCounts>>;
}

export interface NumberedStream {
  readonly deviceId: string;
  readonly boot: number;
  readonly stream: Stream;
  /** Whether the database has to learn of it. */
  readonly changed: boolean;
}

/** Every record of the boot up to `n` is stored, or known to be lost for good. */
export interface Acknowledgement {
  readonly deviceId: string;
  readonly boot: number;
  readonly n: number;
}

/** A delivery whose topic and payload have been read. */
export type ReadDelivery = { readonly delivery: Delivery; readonly hash: bigint } & (
  | {
      readonly kind: 'data' | 'reply' | 'about';
      readonly deviceId: string;
      readonly text: string;
      readonly body: Body;
      /** Of a record that has one. */
      readonly number: RecordNumber | undefined;
    }
  | { readonly kind: 'reject'; readonly deviceId: string | undefined; readonly reason: Reject['reason'] }
);
type Body = Readonly<Record<string, unknown>>;

export interface PlanOptions {
  readonly window: Pick<DeliveryWindow, 'holds'>;
  /** Whether the batch may have been stored before, although the broker does not say so. */
  readonly uncertain: boolean;
  readonly streams: {
    get(key: string): Stream | undefined;
    /** Whether no boot of the device is known. */
    isFirstContact(deviceId: string): boolean;
  };
  /** Unix seconds. */
  readonly now: number;
}

const TOPIC = /^device\/([^/]{36})\/(data|reply|about)$/;

export function readDelivery(delivery: Delivery): ReadDelivery {
  const hash = hashDelivery(delivery);
  const [, deviceId, kind] = TOPIC.exec(delivery.topic) ?? [];
  if (
    deviceId === undefined ||
    !isDeviceUuid(deviceId) ||
    (kind !== 'data' && kind !== 'reply' && kind !== 'about')
  ) {
    return { delivery, hash, kind: 'reject', deviceId: undefined, reason: 'unknown_topic' };
  }
  const parsed =
    kind === 'about' && delivery.payload.length > MAX_ABOUT_BYTES
      ? 'too_large'
      : parseRecord(delivery.payload);
  if (typeof parsed === 'string') return { delivery, hash, kind: 'reject', deviceId, reason: parsed };
  const number = kind === 'data' ? recordNumber(parsed.body) : undefined;
  return { delivery, hash, kind, deviceId, text: parsed.text, body: parsed.body, number };
}

/** Decides what is new, repeated, missing and refused in a batch. */
export function planBatch(batch: readonly ReadDelivery[], options: PlanOptions): BatchPlan {
  const records: TelemetryRecord[] = [];
  const replies: DeviceDocument[] = [];
  const abouts: DeviceDocument[] = [];
  const rejects: Reject[] = [];
  const deliveries: StoredDelivery[] = [];
  const streams = new Map<string, NumberedStream>();
  const counts = new Map<string, DeviceCounts>();

  function countsOf(deviceId: string): DeviceCounts {
    const known = counts.get(deviceId) ?? { stored: 0, lost: 0, repeated: 0, rejected: 0 };
    counts.set(deviceId, known);
    return known;
  }

  /** Whether the record is new, by its device's own number. */
  function isNew(deviceId: string, number: RecordNumber | undefined): boolean {
    if (!number) return true;
    const key = streamKey(deviceId, number.boot);
    const before = streams.get(key);
    const known = before?.stream ?? options.streams.get(key);
    const firstContact = !known && options.streams.isFirstContact(deviceId) && !hasStream(streams, deviceId);
    const step = takeNumber(known, number, options.now, firstContact);
    const changed = step.changed || before?.changed === true;
    streams.set(key, { deviceId, boot: number.boot, stream: step.stream, changed });
    countsOf(deviceId).lost += step.lost;
    if (step.verdict === 'repeated') countsOf(deviceId).repeated++;
    return step.verdict === 'new';
  }

  for (const read of batch) {
    const { delivery, hash } = read;
    const { packetId, dup, receivedUs, topic, payload } = delivery;
    if (packetId !== undefined) {
      if ((dup || options.uncertain) && options.window.holds(packetId, hash)) continue;
      deliveries.push({ packetId, hash });
    }
    if (read.kind === 'reject') {
      const { deviceId, reason } = read;
      rejects.push({ deviceId, topic, reason, payload, receivedUs });
      if (deviceId !== undefined) countsOf(deviceId).rejected++;
      continue;
    }
    const { deviceId, body, text } = read;
    if (read.kind === 'reply') replies.push({ deviceId, receivedUs, body });
    else if (read.kind === 'about') abouts.push({ deviceId, receivedUs, body });
    else if (isNew(deviceId, read.number)) {
      records.push({ deviceId, atUs: recordTime(body, receivedUs), receivedUs, text, body });
      countsOf(deviceId).stored++;
    }
  }

  return {
    records,
    replies,
    abouts,
    rejects,
    deliveries,
    streams,
    counts,
    acknowledgements: [...streams.values()].map(({ deviceId, boot, stream }) => ({
      deviceId,
      boot,
      n: acknowledgedUpTo(stream),
    })),
  };
}

export function streamKey(deviceId: string, boot: number): string {
  return `${deviceId}/${boot}`;
}

function hasStream(streams: ReadonlyMap<string, NumberedStream>, deviceId: string): boolean {
  for (const known of streams.values()) if (known.deviceId === deviceId) return true;
  return false;
}
