import type { Emqx } from './emqx.ts';
import type { Ban } from './emqx-devices.ts';

/** The broker keeps times of bans in whole seconds. */
const PRECISION_MS = 1_000;

/** Whether a ban lasts as long as is wanted. Both are Unix milliseconds; undefined is a permanent ban. */
export function lastsUntil(until: number | undefined, wanted: number | undefined): boolean {
  return until === undefined || (wanted !== undefined && until > wanted - PRECISION_MS);
}

/** Bans in the place of a ban that is there but ends too early, if there is one: the broker neither extends nor replaces it. */
export async function replaceBan(emqx: Emqx, ban: Ban, reason: string, isThere: boolean): Promise<void> {
  if (isThere) await emqx.unban(ban.as, ban.who);
  await emqx.ban(ban, reason);
}
