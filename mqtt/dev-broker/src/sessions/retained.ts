import { isWildcard, matchWords } from '../topics.ts';
import { isExpired, type Message } from './message.ts';

/** A retained message and the id that REST shows for it. */
export interface RetainedMessage {
  id: string;
  message: Message;
}

/** Retained messages, the last of each topic. */
export class RetainedMessages {
  private messages = new Map<string, RetainedMessage>();
  private readonly now: () => number;
  private readonly newId: () => string;
  private toSwallow = 0;

  constructor(now: () => number, newId: () => string) {
    this.now = now;
    this.newId = newId;
  }

  /** The next so many messages are not stored, as happens to those above `max_publish_rate`. */
  swallow(count: number): void {
    this.toSwallow = count;
  }

  /** An empty payload takes the topic's message away. */
  store(message: Message): void {
    if (message.payload.length === 0) this.messages.delete(message.topic);
    else if (this.toSwallow > 0) this.toSwallow--;
    else this.messages.set(message.topic, { id: this.newId(), message: { ...message, stored: true } });
  }

  /** The message of one topic. */
  get(topic: string): RetainedMessage | undefined {
    const retained = this.messages.get(topic);
    return retained && !isExpired(retained.message, this.now()) ? retained : undefined;
  }

  delete(topic: string): boolean {
    const known = this.get(topic) !== undefined;
    this.messages.delete(topic);
    return known;
  }

  clear(): void {
    this.messages.clear();
  }

  /** Those that match a filter, or all. */
  list(filter?: string): RetainedMessage[] {
    if (filter !== undefined && !isWildcard(filter)) {
      const retained = this.get(filter);
      return retained ? [retained] : [];
    }
    const words = filter?.split('/');
    const now = this.now();
    return [...this.messages.values()].filter(
      ({ message }) => !isExpired(message, now) && (!words || matchWords(message.topic.split('/'), words)),
    );
  }

  matching(filter: string): Message[] {
    return this.list(filter).map(({ message }) => message);
  }
}
