import type { Qos } from '../authorization/rules.ts';
import type { ParsedFilter } from '../topics.ts';
import { isWildcard } from '../topics.ts';
import type { Message } from './message.ts';

export interface Subscription extends ParsedFilter {
  qos: Qos;
  /** The subscriber's own messages are held back (`ignore_loop_deliver` when it subscribed). */
  noLocal: boolean;
  /** Whether the receiver sees the retain flag of what is published while it is subscribed. */
  retainAsPublished: boolean;
  /** MQTT 5, retain handling: retained messages at each SUBSCRIBE (0), at the first (1), never (2). */
  retainHandling: 0 | 1 | 2;
}

/** Whom messages are handed to. */
export interface Subscriber {
  readonly subscriptions: Map<string, Subscription>;
  deliver(message: Message, subscription: Subscription, group: ShareGroup | null): void;
}

/** All who subscribed to one filter. */
interface Subscribers {
  single: Map<Subscriber, Subscription>;
  groups: Map<string, ShareGroup>;
}

interface TrieNode {
  children: Map<string, TrieNode>;
  subscribers: Subscribers | null;
}

/**
 * A share group: its members take turns. As in EMQX (`shared_dispatch_ack_enabled` is off by default),
 * a persistent member that is away keeps its turn, and what falls to it waits in its session.
 */
export class ShareGroup {
  readonly members = new Map<Subscriber, Subscription>();
  private order: Subscriber[] = [];
  private turn = 0;

  join(session: Subscriber, subscription: Subscription): void {
    if (!this.members.has(session)) this.order.push(session);
    this.members.set(session, subscription);
  }

  leave(session: Subscriber): void {
    if (this.members.delete(session)) this.order = this.order.filter((member) => member !== session);
  }

  dispatch(message: Message): boolean {
    if (this.order.length === 0) return false;
    this.turn = (this.turn + 1) % this.order.length;
    const session = this.order[this.turn];
    const subscription = session && this.members.get(session);
    if (!session || !subscription) return false;
    session.deliver(message, subscription, this);
    return true;
  }
}

/** Who subscribed to what. Exact filters, which devices use, are one look-up; wildcards are in a trie. */
export class SubscriptionTable {
  private readonly exact = new Map<string, Subscribers>();
  private readonly root: TrieNode = { children: new Map(), subscribers: null };

  add(session: Subscriber, subscription: Subscription): void {
    session.subscriptions.set(subscription.raw, subscription);
    const subscribers = this.subscribersOf(subscription.filter);
    if (subscription.group === null) {
      subscribers.single.set(session, subscription);
      return;
    }
    let group = subscribers.groups.get(subscription.group);
    if (!group) {
      group = new ShareGroup();
      subscribers.groups.set(subscription.group, group);
    }
    group.join(session, subscription);
  }

  remove(session: Subscriber, raw: string): boolean {
    const subscription = session.subscriptions.get(raw);
    if (!subscription) return false;
    session.subscriptions.delete(raw);
    const subscribers = this.subscribersOf(subscription.filter);
    if (subscription.group === null) subscribers.single.delete(session);
    else {
      const group = subscribers.groups.get(subscription.group);
      group?.leave(session);
      if (group?.members.size === 0) subscribers.groups.delete(subscription.group);
    }
    if (subscribers.single.size === 0 && subscribers.groups.size === 0) this.forget(subscription.filter);
    return true;
  }

  removeAll(session: Subscriber): void {
    for (const raw of [...session.subscriptions.keys()]) this.remove(session, raw);
  }

  /** Hands a message to every subscriber and to one member of each share group; false when there is none. */
  dispatch(message: Message): boolean {
    let reached = false;
    const give = (subscribers: Subscribers) => {
      for (const [session, subscription] of subscribers.single) {
        session.deliver(message, subscription, null);
        reached = true;
      }
      for (const group of subscribers.groups.values()) reached = group.dispatch(message) || reached;
    };
    const exact = this.exact.get(message.topic);
    if (exact) give(exact);
    if (this.root.children.size > 0) visit(this.root, message.topic.split('/'), 0, give);
    return reached;
  }

  private subscribersOf(filter: string): Subscribers {
    if (!isWildcard(filter)) {
      let subscribers = this.exact.get(filter);
      if (!subscribers) {
        subscribers = { single: new Map(), groups: new Map() };
        this.exact.set(filter, subscribers);
      }
      return subscribers;
    }
    let node = this.root;
    for (const word of filter.split('/')) {
      let child = node.children.get(word);
      if (!child) {
        child = { children: new Map(), subscribers: null };
        node.children.set(word, child);
      }
      node = child;
    }
    node.subscribers ??= { single: new Map(), groups: new Map() };
    return node.subscribers;
  }

  private forget(filter: string): void {
    if (!this.exact.delete(filter)) prune(this.root, filter.split('/'), 0);
  }
}

function visit(
  node: TrieNode,
  words: readonly string[],
  depth: number,
  give: (subscribers: Subscribers) => void,
): void {
  const hidden = depth === 0 && words[0]?.startsWith('$') === true;
  if (!hidden) {
    const rest = node.children.get('#')?.subscribers;
    if (rest) give(rest);
  }
  const word = words[depth];
  if (word === undefined) {
    if (node.subscribers) give(node.subscribers);
    return;
  }
  const named = node.children.get(word);
  if (named && word !== '#' && word !== '+') visit(named, words, depth + 1, give);
  const any = hidden ? undefined : node.children.get('+');
  if (any) visit(any, words, depth + 1, give);
}

/** Cuts a branch that leads to no subscriber any more; true when the node itself can go. */
function prune(node: TrieNode, words: readonly string[], depth: number): boolean {
  const word = words[depth];
  if (word === undefined) node.subscribers = null;
  else {
    const child = node.children.get(word);
    if (child && prune(child, words, depth + 1)) node.children.delete(word);
  }
  return node.children.size === 0 && node.subscribers === null;
}
