import { afterEach, describe, expect, test } from 'bun:test';
import { QueryClient, QueryObserver } from '@tanstack/react-query';
import { createEventApplier } from './apply-event.ts';

/** A query on the screen whose reads are answered by hand. */
function watch(client: QueryClient, queryKey: readonly string[]) {
  const reads: { readonly signal: AbortSignal; answer(value: string): void }[] = [];
  const begun: PromiseWithResolvers<void>[] = [];
  const readNumber = (at: number) => (begun[at] ??= Promise.withResolvers<void>());
  const observer = new QueryObserver(client, {
    queryKey,
    queryFn: ({ signal }) => {
      const { promise, resolve } = Promise.withResolvers<string>();
      reads.push({ signal, answer: resolve });
      readNumber(reads.length - 1).resolve();
      return promise;
    },
  });
  const end = observer.subscribe(() => {});
  return {
    end,
    reads,
    /** Once it has been read for the `number`th time, from 1. */
    read: async (number: number) => {
      await readNumber(number - 1).promise;
      const read = reads[number - 1];
      if (!read) throw new Error('was not read');
      return read;
    },
  };
}

describe('events of a busy device', () => {
  let end = () => {};
  afterEach(() => end());

  test('let a read finish, and have what happened meanwhile read after it', async () => {
    const client = new QueryClient();
    const values = watch(client, ['latest', 'd', 'values']);
    const commands = watch(client, ['commands', 'd', 'list']);
    const applier = createEventApplier(client);
    end = () => {
      applier.close();
      values.end();
      commands.end();
      client.clear();
    };
    const record = JSON.stringify({ device: 'd', at: '', received: '', data: {} });
    (await values.read(1)).answer('first');
    (await commands.read(1)).answer('first');

    applier.apply('telemetry', record);
    const slow = await values.read(2);
    applier.apply('telemetry', record);
    applier.apply('command', JSON.stringify({ device: 'd' }));
    // Read at the same look, so the values have been passed over by now.
    (await commands.read(2)).answer('second');
    expect(slow.signal.aborted).toBe(false);
    expect(values.reads).toHaveLength(2);

    slow.answer('second');
    (await values.read(3)).answer('third');
    expect(slow.signal.aborted).toBe(false);
  });
});
