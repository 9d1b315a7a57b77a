import type { Clock, Timer } from '../clock.ts';
import type { Message } from './message.ts';

/** `$delayed/{seconds}/{topic}`; a number above this is a Unix time in seconds. */
const MAX_SECONDS = 4_294_967;

/** Messages that their sender had delayed. They are published later as they came, whatever has become of the sender. */
export class DelayedMessages {
  private readonly waiting = new Set<Timer>();
  private readonly clock: Clock;
  private readonly publish: (message: Message) => void;

  constructor(clock: Clock, publish: (message: Message) => void) {
    this.clock = clock;
    this.publish = publish;
  }

  /** Whether the message is one to be delayed. */
  take(message: Message): boolean {
    const [, text = '', topic = ''] = /^\$delayed\/(\d+)\/(.+)$/s.exec(message.topic) ?? [];
    if (topic === '') return false;
    const number = Number(text);
    const delayMs = number > MAX_SECONDS ? number * 1_000 - this.clock.now() : number * 1_000;
    const timer = this.clock.setTimer(() => {
      this.waiting.delete(timer);
      this.publish({ ...message, topic });
    }, delayMs);
    this.waiting.add(timer);
    return true;
  }

  clear(): void {
    for (const timer of this.waiting) timer.cancel();
    this.waiting.clear();
  }
}
