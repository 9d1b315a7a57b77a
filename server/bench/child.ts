import { closeSync, openSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

/** A process of the benchmark's own, which answers calls (see `answer-parent.ts`). */
export interface Child {
  call<T>(name: string, argument: unknown, answer: z.ZodType<T>): Promise<T>;
  /** Ends it with SIGTERM and waits until it is gone. */
  stop(): Promise<void>;
}

const replyMessage = z.object({
  id: z.number(),
  result: z.unknown().optional(),
  error: z.string().optional(),
});

/**
 * Starts a script of this folder, and resolves once it answers. What it prints goes to a file without a name: a write a
 * line as in production, and nothing on the screen.
 */
export async function startChild(
  script: string,
  env: Readonly<Record<string, string>>,
  options: readonly string[] = [],
): Promise<Child> {
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let calls = 0;
  const output = openUnnamedFile();
  const child = Bun.spawn(
    [process.execPath, ...options, '--no-env-file', fileURLToPath(new URL(script, import.meta.url))],
    {
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
      stdin: 'ignore',
      stdout: output,
      stderr: 'inherit',
      ipc(message) {
        const { id, result, error } = replyMessage.parse(message);
        if (error === undefined) waiting.get(id)?.resolve(result);
        else waiting.get(id)?.reject(new Error(`${script}: ${error}`));
        waiting.delete(id);
      },
      onExit(_, code) {
        for (const { reject } of waiting.values()) reject(new Error(`${script} ended with ${code}`));
      },
    },
  );
  closeSync(output);

  async function call<T>(name: string, argument: unknown, answer: z.ZodType<T>): Promise<T> {
    const reply = Promise.withResolvers<unknown>();
    const id = ++calls;
    waiting.set(id, reply);
    child.send({ id, name, argument });
    return answer.parse(await reply.promise);
  }

  await call('hello', undefined, z.unknown());
  return {
    call,
    async stop() {
      child.kill('SIGTERM');
      await child.exited;
    },
  };
}

function openUnnamedFile(): number {
  const file = join(tmpdir(), `bench-output-${crypto.randomUUID()}`);
  const descriptor = openSync(file, 'wx');
  unlinkSync(file);
  return descriptor;
}
