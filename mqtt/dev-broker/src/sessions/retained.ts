import { isWildcard, matchWords } from '../topics.ts';
import type { Message } from './message.ts';

/** Retained messages, the last of each topic. */
export class RetainedMessages {
  private readonly messages = new Map<string, Message>();

  get count(): number {
    return this.messages.size;
  }

  /** An empty payload takes the topic's message away. */
  store(message: Message): void {
    if (message.payload.length === 0) this.messages.delete(message.topic);
    else this.messages.set(message.topic, { ...message, retain: true });
  }

  matching(filter: string): Message[] {
    if (!isWildcard(filter)) {
      const message = this.messages.get(filter);
      return message ? [message] : [];
    }
    const words = filter.split('/');
    return [...this.messages.values()].filter((message) => matchWords(message.topic.split('/'), words));
  }
}
