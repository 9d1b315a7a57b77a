import { z } from 'zod';

const callMessage = z.object({ id: z.number(), name: z.string(), argument: z.unknown().optional() });

export type Answers = Readonly<Record<string, (argument: unknown) => unknown>>;

/** The child's side of `startChild`: answers each call by the function of its name, and `hello` at once. */
export function answerParent(answers: Answers): void {
  process.on('message', async (message) => {
    const { id, name, argument } = callMessage.parse(message);
    try {
      if (name === 'hello') return process.send?.({ id });
      const answer = Object.hasOwn(answers, name) ? answers[name] : undefined;
      if (!answer) throw new Error(`no such call: ${name}`);
      process.send?.({ id, result: await answer(argument) });
    } catch (error) {
      process.send?.({ id, error: error instanceof Error ? error.message : String(error) });
    }
  });
  process.on('disconnect', () => process.exit(1));
}

/** Processor time and memory of this process, as `processUsage` reads them. */
export function ownUsage() {
  Bun.gc(true);
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  return { cpuMs: (user + system) / 1000, rssBytes: rss, heapBytes: heapUsed };
}

export const processUsage = z.object({
  cpuMs: z.number(),
  rssBytes: z.number(),
  heapBytes: z.number(),
});
