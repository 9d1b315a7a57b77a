import type { Command, Reply } from '../contract/messages.ts';

/** Executes a command and returns its result; what it throws is the reason of an error reply. */
export type CommandHandler = (command: Command) => unknown;

const REMEMBERED = 16;

/** Answers commands, and one that arrives again with its first reply: delivery is at least once, execution at most once. */
export function createCommandMemory(handle: CommandHandler): (command: Command) => Promise<Reply> {
  const replies = new Map<string, Promise<Reply>>();
  return (command) => {
    const known = replies.get(command.i);
    if (known) return known;
    const reply = execute(handle, command);
    replies.set(command.i, reply);
    if (replies.size > REMEMBERED) {
      const [oldest] = replies.keys();
      if (oldest !== undefined) replies.delete(oldest);
    }
    return reply;
  };
}

async function execute(handle: CommandHandler, command: Command): Promise<Reply> {
  try {
    const r = await handle(command);
    return { i: command.i, c: 'OK', ...(r === undefined ? {} : { r }) };
  } catch (error) {
    return { i: command.i, c: 'ERROR', m: error instanceof Error ? error.message : String(error) };
  }
}
