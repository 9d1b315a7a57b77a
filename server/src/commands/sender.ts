import { commandTopic } from '../../contract/topics.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import type { Database } from '../platform/db/client.ts';
import type { Logger } from '../platform/logger.ts';
import { inParallel } from '../platform/parallel.ts';
import {
  type ClaimedCommand,
  claimCommands,
  endCommands,
  makeAllDue,
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
  /** Events may have been missed until now. */
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
  /** Devices to send to, and when they came back, where what they were sent before is to be repeated. */
  const asked = new Map<string, number | undefined>();
  const soon = new Map<string, number>();
  /** Until when events may have been missed, as long as commands have not been repeated for that. */
  let missedUntil: number | undefined = clock.now();
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
    if (await releaseCommand(db, id, outcome)) ask(deviceId, undefined);
  }

  async function sendAsked(): Promise<void> {
    const piece = new Map(asked.entries().take(DEVICES_AT_ONCE));
    for (const id of piece.keys()) asked.delete(id);
    try {
      const now = clock.now();
      const returns = [...piece].flatMap(([deviceId, at]) =>
        at === undefined ? [] : [{ deviceId, ageMs: now - at }],
      );
      if (returns.length > 0) await makeDue(db, returns);
      await inParallel(await claimCommands(db, [...piece.keys()]), PARALLEL, publish);
    } catch (error) {
      for (const [id, at] of piece) ask(id, at);
      throw error;
    }
  }

  /** What no event asked for: due again, or asked for while no instance listened. */
  async function look(): Promise<void> {
    for (const [id, at] of soon) ask(id, at);
    soon.clear();
    await endCommands(db);
    await repeatMissed();
    await inParallel(await claimCommands(db), PARALLEL, publish);
    if (clock.now() - cleanedAt < CLEAN_EVERY_MS) return;
    await removeOldCommands(db, KEPT_DAYS);
    cleanedAt = clock.now();
  }

  async function repeatMissed(): Promise<void> {
    const until = missedUntil;
    if (until === undefined) return;
    await makeAllDue(db, clock.now() - until);
    if (missedUntil === until) missedUntil = undefined;
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

  function ask(deviceId: string, cameBackAt: number | undefined): void {
    if (asked.size >= MAX_DEVICES) return;
    asked.set(deviceId, cameBackAt ?? asked.get(deviceId));
  }

  return {
    start() {
      ticker ??= clock.setTicker(() => run(true), LOOK_MS);
      run(true);
    },
    send(deviceId) {
      ask(deviceId, undefined);
      run(false);
    },
    listening(deviceId) {
      soon.delete(deviceId);
      ask(deviceId, clock.now());
      run(false);
    },
    connected(deviceId) {
      if (soon.size < MAX_DEVICES) soon.set(deviceId, clock.now());
    },
    resume() {
      missedUntil = clock.now();
    },
    async close() {
      ticker?.cancel();
      closed = true;
      await running;
    },
  };
}
