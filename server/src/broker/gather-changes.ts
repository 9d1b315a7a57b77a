import type { Receipt } from '../../contract/api/broker.ts';
import { type BrokerChanges, type EnqueuedChange, mergeChanges } from './changes.ts';

const GATHERED: Receipt = { status: 'queued', steps: [], effectiveAfterMs: null };

/** Lets verbs that change one device each share one flush: theirs wait for `flush`, whose receipt is for all of them. */
export function gatherChanges(changes: BrokerChanges): {
  readonly changes: BrokerChanges;
  flush(): Promise<Receipt>;
} {
  const gathered: EnqueuedChange[] = [];
  return {
    changes: {
      enqueue: changes.enqueue,
      async flush(change) {
        gathered.push(change);
        return GATHERED;
      },
    },
    async flush() {
      const [first, ...rest] = gathered;
      if (!first) return { status: 'applied', steps: [], effectiveAfterMs: 0 };
      return await changes.flush(rest.reduce(mergeChanges, first));
    },
  };
}
