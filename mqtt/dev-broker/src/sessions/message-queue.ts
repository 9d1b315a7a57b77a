/** A first-in, first-out queue with a limit: a full one gives up its oldest entry. */
export class MessageQueue<T> {
  private items: T[] = [];
  private head = 0;
  private readonly limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }

  get length(): number {
    return this.items.length - this.head;
  }

  /** True when an older entry had to go. */
  push(item: T): boolean {
    const full = this.length >= this.limit;
    if (full) this.shift();
    this.items.push(item);
    return full;
  }

  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const item = this.items[this.head++];
    // Amortised: the spent half is cut off now and then.
    if (this.head > 1024 && this.head * 2 > this.items.length) {
      this.items = this.items.slice(this.head);
      this.head = 0;
    }
    return item;
  }

  /** Empties the queue. */
  drain(): T[] {
    const rest = this.items.slice(this.head);
    this.items = [];
    this.head = 0;
    return rest;
  }
}
