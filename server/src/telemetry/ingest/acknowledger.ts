import { ackTopic } from '../../../contract/topics.ts';
import type { Clock, Timer } from '../../platform/clock.ts';
import type { Acknowledgement } from './plan-batch.ts';

export interface AcknowledgerDeps {
  readonly clock: Clock;
  /** Sends to a device, if the server's session is up; what is not sent is sent with the next one. */
  readonly publish: (topic: string, payload: string, qos: 1) => boolean;
}

/** Tells devices how far their numbered records are stored (docs/protocol.md, section 4). */
export interface Acknowledger {
  note(acknowledgements: readonly Acknowledgement[]): void;
  start(): void;
  close(): void;
}

/** Between two acknowledgements to one device. */
const INTERVAL_MS = 1_000;
/** How often is looked for what may be sent by now. */
const LOOK_MS = 250;
/** Of one device that wait; beyond them the oldest is left out, until the device sends its records again. */
const MAX_BOOTS = 64;

/** Sends the first acknowledgement at once and then at most one a second to each device, the newest of each boot. */
export function createAcknowledger(deps: AcknowledgerDeps): Acknowledger {
  const { clock } = deps;
  /** When devices were told something within this second, monotonic milliseconds; in order of these times. */
  const told = new Map<string, number>();
  const pending = new Map<string, Map<number, number>>();
  let ticker: Timer | undefined;

  function send(deviceId: string, boot: number, n: number): boolean {
    told.delete(deviceId);
    told.set(deviceId, clock.monotonic());
    return deps.publish(ackTopic(deviceId), JSON.stringify({ b: boot, n }), 1);
  }

  function later({ deviceId, boot, n }: Acknowledgement): void {
    const boots = pending.get(deviceId) ?? new Map<number, number>();
    pending.set(deviceId, boots.set(boot, n));
    const [oldest] = boots.keys();
    if (boots.size > MAX_BOOTS && oldest !== undefined) boots.delete(oldest);
  }

  function forgetTold(): void {
    const now = clock.monotonic();
    for (const [deviceId, at] of told) {
      if (now - at < INTERVAL_MS) return;
      told.delete(deviceId);
    }
  }

  function look(): void {
    forgetTold();
    for (const [deviceId, boots] of pending) {
      const [next] = boots;
      if (!next || told.has(deviceId)) continue;
      const [boot, n] = next;
      if (send(deviceId, boot, n)) boots.delete(boot);
      if (boots.size === 0) pending.delete(deviceId);
    }
  }

  return {
    note(acknowledgements) {
      forgetTold();
      for (const acknowledgement of acknowledgements) {
        const { deviceId, boot, n } = acknowledgement;
        const boots = pending.get(deviceId);
        if (told.has(deviceId) || boots || !send(deviceId, boot, n)) later(acknowledgement);
      }
    },
    start() {
      ticker ??= clock.setTicker(look, LOOK_MS);
    },
    close() {
      ticker?.cancel();
    },
  };
}
