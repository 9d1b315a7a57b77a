import type { Clock } from './clock.ts';

export const BAN_TYPES = ['clientid', 'username'] as const;
export type BanType = (typeof BAN_TYPES)[number];

export interface Ban {
  as: BanType;
  who: string;
  by: string;
  reason: string;
  /** Unix seconds. */
  at: number;
  /** Unix seconds, `Infinity` for a ban without end. */
  until: number;
}

export interface BanSubject {
  clientId: string;
  username: string | undefined;
}

/** EMQX's ban table, of client ids and user names. */
export class BanTable {
  private readonly bans = new Map<string, Ban>();
  private readonly clock: Clock;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** The bans in force, newest first. Expired ones are removed on the way. */
  list(): Ban[] {
    for (const [key, ban] of this.bans) if (!this.inForce(ban)) this.bans.delete(key);
    return [...this.bans.values()].reverse();
  }

  get(as: string, who: string): Ban | undefined {
    const ban = this.bans.get(key(as, who));
    return ban && this.inForce(ban) ? ban : undefined;
  }

  add(ban: Ban): void {
    const banKey = key(ban.as, ban.who);
    // A name that was banned before moves to the end, which is the newest.
    this.bans.delete(banKey);
    this.bans.set(banKey, ban);
  }

  delete(as: string, who: string): boolean {
    const known = this.get(as, who) !== undefined;
    this.bans.delete(key(as, who));
    return known;
  }

  /** Takes the newest bans away, as a kill does with those not yet on disc. */
  loseNewest(count: number): void {
    for (const { as, who } of this.list().slice(0, count)) this.delete(as, who);
  }

  isBanned({ clientId, username }: BanSubject): boolean {
    if (this.get('clientid', clientId)) return true;
    return username !== undefined && this.get('username', username) !== undefined;
  }

  private inForce(ban: Ban): boolean {
    return ban.until > Math.floor(this.clock.now() / 1000);
  }
}

function key(as: string, who: string): string {
  return `${as}:${who}`;
}
