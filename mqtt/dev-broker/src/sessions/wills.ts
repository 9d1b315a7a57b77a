import type { Clock, Timer } from '../clock.ts';
import type { Client, Will } from './client.ts';
import type { Message } from './message.ts';

interface PendingWill {
  client: Client;
  will: Will;
  timer: Timer;
}

/** Publishes wills: at once, or after the delay that MQTT 5 has, unless the client is back by then. */
export class WillStore {
  private readonly pending = new Map<string, PendingWill>();
  private readonly clock: Clock;
  private readonly publish: (client: Client, message: Message) => void;

  constructor(clock: Clock, publish: (client: Client, message: Message) => void) {
    this.clock = clock;
    this.publish = publish;
  }

  connectionEnded(client: Client): void {
    const { will } = client;
    if (!will) return;
    const delayMs = Math.min(will.delayMs, client.expiryMs);
    const sessionEnds = client.reason === 'discarded' || client.reason === 'kicked';
    if (delayMs === 0 || sessionEnds) this.send(client, will);
    else if (client.reason !== 'takenover') {
      const timer = this.clock.setTimer(() => this.sessionEnded(client.clientId), delayMs);
      this.pending.set(client.clientId, { client, will, timer });
    }
  }

  /** The session is over, or the delay is: what waits is published. */
  sessionEnded(clientId: string): void {
    const pending = this.pending.get(clientId);
    if (!pending) return;
    this.cancel(clientId);
    this.send(pending.client, pending.will);
  }

  cancel(clientId: string): void {
    this.pending.get(clientId)?.timer.cancel();
    this.pending.delete(clientId);
  }

  clear(): void {
    for (const clientId of [...this.pending.keys()]) this.cancel(clientId);
  }

  private send(client: Client, { topic, payload, qos, retain, expiryMs, properties }: Will): void {
    const publishedAtMs = this.clock.now();
    this.publish(client, {
      topic,
      payload,
      qos,
      retain,
      from: client.clientId,
      fromUsername: client.username,
      publishedAtMs,
      expiresAtMs: expiryMs === null ? null : publishedAtMs + expiryMs,
      properties,
    });
  }
}
