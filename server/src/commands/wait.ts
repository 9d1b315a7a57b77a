import { type Clock, sleep } from '../platform/clock.ts';
import type { Queryable } from '../platform/db/client.ts';
import { type CommandRow, isOpen } from './command.ts';
import { readCommand } from './store.ts';

/** The reply may arrive at another instance, so the row is looked at. */
const LOOK_MS = 150;

/** The command once it is finished, or as it is when the time is over or `signal` is aborted. */
export async function awaitReply(
  { db, clock }: { readonly db: Queryable; readonly clock: Clock },
  command: CommandRow,
  seconds: number,
  signal: AbortSignal,
): Promise<CommandRow> {
  const end = clock.monotonic() + seconds * 1000;
  let latest = command;
  while (isOpen(latest) && !signal.aborted) {
    const leftMs = end - clock.monotonic();
    if (leftMs <= 0) break;
    await sleep(clock, Math.min(LOOK_MS, leftMs), signal);
    latest = await readCommand(db, command.deviceId, command.id);
  }
  return latest;
}
