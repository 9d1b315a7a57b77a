import { commandTopic } from '../../contract/topics.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import type { Database } from '../platform/db/client.ts';
import type { Logger } from '../platform/logger.ts';
import { inParallel } from '../platform/parallel.ts';
import {
  type ClaimedCommand,
  claimCommands,
  endCommands,
  makeDue,
  releaseCommand,
  removeOldCommands,
} from './delivery-store.ts';

export interface SenderDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Logger;
  /** Publishes at QoS 1; false when nobody listens. */
  readonly deliver: (message: {
    readonly topic: string;
    readonly payload: string;
    readonly expirySeconds: number;
  }) => Promise<boolean>;
}

/** Publishes commands from their rows; what it misses, the next look at the table finds. */
export interface Sender {
  start(): void;
  /** Sends the next command of a device, if it is due. */
  send(deviceId: string): void;
  /** The device listens from now on: what it was sent before may not have reached it, and is sent again. */
  listening(deviceId: string): void;
  /** The device is connected. Its subscription may follow, or it resumed a session that has it: it is given a moment. */
  connected(deviceId: string): void;
  /** Events may have been missed. */
  resume(): void;
  close(): Promise<void>;
}

const LOOK_MS = 1_000;
const CLEAN_EVERY_MS = 3_600_000;
const KEPT_DAYS = 90;
const PARALLEL = 8;
const DEVICES_AT_ONCE = 500;
const MAX_DEVICES = 200_000;

export function createSender({ db, clock, log, deliver }: SenderDeps): Sender {
  /** Devices to send to, and whether what they were sent is to be repeated. */
  const asked = new Map<string, boolean>();
  const soon = new Set<string>();
  let resumed = true;
  let cleanedAt = Number.NEGATIVE_INFINITY;
  let ticker: Timer | undefined;
  let running: Promise<void> | undefined;
  let closed = false;

  async function publish({ id, deviceId, payload, expirySeconds }: ClaimedCommand): Promise<void> {
    const outcome = await deliver({ topic: commandTopic(deviceId), payload, expirySeconds }).then(
      (taken) => (taken ? 'sent' : 'nobody'),
      (error: unknown) => {
        log.warn({ err: error, deviceId, command: id }, 'command could not be published');
        return 'failed' as const;
      },
    );
    if (await releaseCommand(db, id, outcome)) asked.set(deviceId, false);
  }

  async function sendAsked(): Promise<void> {
    const piece = new Map(asked.entries().take(DEVICES_AT_ONCE));
    for (const id of piece.keys()) asked.delete(id);
    try {
      const again = [...piece].flatMap(([id, repeat]) => (repeat ? [id] : []));
      if (again.length > 0) await makeDue(db, again);
      await inParallel(await claimCommands(db, [...piece.keys()]), PARALLEL, publish);
    } catch (error) {
      for (const [id, repeat] of piece) ask(id, repeat);
      throw error;
    }
  }

  /** What no event asked for: due again, or asked for while no instance listened. */
  async function look(): Promise<void> {
    for (const id of soon) ask(id, true);
    soon.clear();
    await endCommands(db);
    if (resumed) await makeDue(db);
    resumed = false;
    await inParallel(await claimCommands(db), PARALLEL, publish);
    if (clock.now() - cleanedAt < CLEAN_EVERY_MS) return;
    await removeOldCommands(db, KEPT_DAYS);
    cleanedAt = clock.now();
  }

  async function work(looks: boolean): Promise<void> {
    try {
      if (looks) await look();
      while (asked.size > 0 && !closed) await sendAsked();
    } catch (error) {
      log.warn({ err: error }, 'commands wait for the database');
    }
  }

  function run(looks: boolean): void {
    if (ticker === undefined || closed || running) return;
    running = work(looks).finally(() => {
      running = undefined;
    });
  }

  function ask(deviceId: string, repeat: boolean): void {
    if (asked.size >= MAX_DEVICES) return;
    asked.set(deviceId, repeat || asked.get(deviceId) === true);
  }

  return {
    start() {
      ticker ??= clock.setTicker(() => run(true), LOOK_MS);
      run(true);
    },
    send(deviceId) {
      ask(deviceId, false);
      run(false);
    },
    listening(deviceId) {
      soon.delete(deviceId);
      ask(deviceId, true);
      run(false);
    },
    connected(deviceId) {
      if (soon.size < MAX_DEVICES) soon.add(deviceId);
    },
    resume() {
      resumed = true;
    },
    async close() {
      ticker?.cancel();
      closed = true;
      await running;
    },
  };
}
