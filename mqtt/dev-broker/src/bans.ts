import type { Clock } from './clock.ts';

export const BAN_TYPES = [
  'clientid',
  'username',
  'peerhost',
  'clientid_re',
  'username_re',
  'peerhost_net',
] as const;
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
  address: string;
}

/** EMQX's ban table. Single names are looked up; patterns are few and tried one by one. */
export class BanTable {
  private readonly bans = new Map<string, Ban>();
  private readonly patterns = new Map<string, RegExp>();
  private readonly clock: Clock;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** The bans in force, newest first. Those that are over are removed on the way. */
  list(): Ban[] {
    for (const [key, ban] of this.bans) if (!this.inForce(ban)) this.remove(key);
    return [...this.bans.values()].reverse();
  }

  get(as: string, who: string): Ban | undefined {
    const ban = this.bans.get(key(as, who));
    return ban && this.inForce(ban) ? ban : undefined;
  }

  /** Throws a SyntaxError on a pattern that cannot be compiled. */
  add(ban: Ban): void {
    if (ban.as === 'clientid_re' || ban.as === 'username_re') {
      this.patterns.set(key(ban.as, ban.who), new RegExp(ban.who, 'u'));
    }
    this.bans.set(key(ban.as, ban.who), ban);
  }

  delete(as: string, who: string): boolean {
    const known = this.get(as, who) !== undefined;
    this.remove(key(as, who));
    return known;
  }

  clear(): void {
    this.bans.clear();
    this.patterns.clear();
  }

  isBanned({ clientId, username, address }: BanSubject): boolean {
    if (this.get('clientid', clientId) || this.get('peerhost', address)) return true;
    if (username !== undefined && this.get('username', username)) return true;
    for (const [banKey, pattern] of this.patterns) {
      const ban = this.bans.get(banKey);
      if (!ban || !this.inForce(ban)) continue;
      if (pattern.test(ban.as === 'clientid_re' ? clientId : (username ?? ''))) return true;
    }
    return false;
  }

  private inForce(ban: Ban): boolean {
    return ban.until > Math.floor(this.clock.now() / 1000);
  }

  private remove(banKey: string): void {
    this.bans.delete(banKey);
    this.patterns.delete(banKey);
  }
}

function key(as: string, who: string): string {
  return `${as}:${who}`;
}
