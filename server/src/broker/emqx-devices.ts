import { z } from 'zod';
import type { Rule } from './desired-state.ts';
import * as answers from './emqx-answers.ts';
import { type createRest, EmqxError } from './emqx-rest.ts';

/** A page of a listing, and whether another one follows. */
export interface Page<T> {
  readonly data: readonly T[];
  readonly hasNext: boolean;
}

/** The data of a listing, page by page. */
export async function* eachPage<T>(read: (page: number) => Promise<Page<T>>): AsyncGenerator<readonly T[]> {
  for (let page = 1, hasNext = true; hasNext; page++) {
    const answer = await read(page);
    hasNext = answer.hasNext;
    yield answer.data;
  }
}

export interface ClientRules {
  readonly clientid: string;
  readonly rules: readonly Rule[];
}

/** A ban of a client id or user name; `until` is Unix milliseconds, undefined for a permanent ban. */
export interface Ban {
  readonly as: 'clientid' | 'username';
  readonly who: string;
  readonly until: number | undefined;
}

export interface ListedBan {
  readonly as: string;
  readonly who: string;
  readonly by: string;
  readonly until: number | undefined;
}

/** The session of a client, up or waiting. */
export interface ClientSession {
  readonly clientid: string;
  readonly username: string | null;
  readonly connected: boolean;
  /** Unix milliseconds. */
  readonly connectedAt: number | undefined;
  /** Whether it came with a token: the broker knows when that expires. */
  readonly authenticated: boolean;
}

/** What waits at the broker for a client. */
export interface ClientQueue {
  /** Messages that were dropped since the session began, because the queue was full. */
  readonly dropped: number;
  /** Messages in flight at most, as it was when the client connected. */
  readonly maxInflight: number | undefined;
}

/** Who made a ban, by which the server knows its own. */
export const BANNED_BY = 'simple-iot-server';

const PAGE_SIZE = 1_000;
/** Smaller, since a master has a rule for each of its agents: at 500 of them a page is about 14 MB. */
const RULES_PAGE_SIZE = 250;
const ABSENT = { accept: [404] };

/** The calls about single clients: their rules, bans, sessions and subscriptions. */
export function deviceCalls({ call, read, readOrAbsent }: ReturnType<typeof createRest>) {
  return {
    /** The rules of one client; nothing where it has none. */
    async clientRules(clientId: string): Promise<readonly Rule[] | undefined> {
      return (await readOrAbsent(`${CLIENT_RULES}/${encodeURIComponent(clientId)}`, answers.clientRules))
        ?.rules;
    },
    async clientRulesPage(page: number): Promise<Page<ClientRules>> {
      const answer = await readOrAbsent(
        `${CLIENT_RULES}?limit=${RULES_PAGE_SIZE}&page=${page}`,
        answers.page(answers.clientRules),
      );
      return toPage(answer, page);
    },
    async replaceClientRules(clientId: string, rules: readonly Rule[]): Promise<void> {
      await call('PUT', `${CLIENT_RULES}/${encodeURIComponent(clientId)}`, {
        body: { clientid: clientId, rules },
      });
    },
    /** Stores the rules of many clients that have none yet. Returns false, and stores nothing, when one of them has. */
    async createClientRules(rules: readonly ClientRules[]): Promise<boolean> {
      return (await call('POST', CLIENT_RULES, { body: rules, accept: [409] })).status !== 409;
    },
    async removeClientRules(clientId: string): Promise<void> {
      await call('DELETE', `${CLIENT_RULES}/${encodeURIComponent(clientId)}`, ABSENT);
    },

    async bansOf(as: Ban['as'], who: string): Promise<readonly ListedBan[]> {
      const answer = await read(`/banned?${as}=${encodeURIComponent(who)}`, answers.page(answers.ban));
      return answer.data.map(toBan).filter((ban) => ban.as === as && ban.who === who);
    },
    async bansPage(page: number): Promise<Page<ListedBan>> {
      const answer = toPage(
        await read(`/banned?limit=${PAGE_SIZE}&page=${page}`, answers.page(answers.ban)),
        page,
      );
      return { ...answer, data: answer.data.map(toBan) };
    },
    async ban(ban: Ban, reason: string): Promise<void> {
      const until = ban.until === undefined ? 'infinity' : new Date(ban.until).toISOString();
      const body = { as: ban.as, who: ban.who, by: BANNED_BY, reason, until };
      try {
        await call('POST', '/banned', { body });
      } catch (error) {
        if (!(error instanceof EmqxError) || error.code !== 'ALREADY_EXISTS') throw error;
      }
    },
    async unban(as: Ban['as'], who: string): Promise<void> {
      await call('DELETE', `/banned/${as}/${encodeURIComponent(who)}`, ABSENT);
    },

    async session(clientId: string): Promise<ClientSession | undefined> {
      const answer = await readOrAbsent(`/clients/${encodeURIComponent(clientId)}`, answers.client);
      return answer && toSession(answer);
    },
    async queue(clientId: string): Promise<ClientQueue | undefined> {
      const answer = await readOrAbsent(`/clients/${encodeURIComponent(clientId)}`, answers.client);
      return answer && { dropped: answer.mqueue_dropped, maxInflight: answer.inflight_max };
    },
    async sessionsPage(page: number): Promise<Page<ClientSession>> {
      // All fields: the broker refuses to name `auth_expire_at` among some.
      const answer = await read(`/clients?limit=${PAGE_SIZE}&page=${page}`, answers.page(answers.client));
      const { data, hasNext } = toPage(answer, page);
      return { data: data.map(toSession), hasNext };
    },
    /** Ends a session; whether there was one. */
    async kick(clientId: string): Promise<boolean> {
      return (await call('DELETE', `/clients/${encodeURIComponent(clientId)}`, ABSENT)).status !== 404;
    },
    /** Ends the sessions of many clients; those that are gone already are passed over. */
    async kickAll(clientIds: readonly string[]): Promise<void> {
      await call('POST', '/clients/kickout/bulk', { body: clientIds });
    },
    /** The filters that a client is subscribed to, as it named them. */
    async subscriptions(clientId: string): Promise<readonly string[]> {
      const path = `/clients/${encodeURIComponent(clientId)}/subscriptions`;
      return ((await readOrAbsent(path, z.array(answers.subscription))) ?? []).map(({ topic }) => topic);
    },
    async unsubscribe(clientId: string, filter: string): Promise<void> {
      await call('POST', `/clients/${encodeURIComponent(clientId)}/unsubscribe`, {
        body: { topic: filter },
        ...ABSENT,
      });
    },
    /** Makes changed rules take effect immediately for a connected client. */
    async dropRuleCache(clientId: string): Promise<void> {
      await call('DELETE', `/clients/${encodeURIComponent(clientId)}/authorization/cache`, ABSENT);
    },
    /** The same for all clients. */
    async dropRuleCaches(): Promise<void> {
      await call('DELETE', '/authorization/cache', ABSENT);
    },

    /** Topics that match a filter and hold a retained message. */
    async retainedTopics(filter: string): Promise<readonly string[]> {
      const path = `/mqtt/retainer/messages?topic=${encodeURIComponent(filter)}&limit=${PAGE_SIZE}&page=1`;
      const answer = await readOrAbsent(path, answers.page(answers.retainedMessage));
      return (answer?.data ?? []).map(({ topic }) => topic);
    },
    async clearRetained(topic: string): Promise<void> {
      await call('DELETE', `/mqtt/retainer/message/${encodeURIComponent(topic)}`, ABSENT);
    },

    async ignoresLoopDelivery(): Promise<boolean> {
      return (await read('/configs/global_zone', answers.globalZone)).mqtt.ignore_loop_deliver === true;
    },
    /** The enabled listeners that ask nobody for credentials. */
    async openListeners(): Promise<string[]> {
      const open: string[] = [];
      for (const { id, enable } of await read('/listeners', z.array(answers.listener))) {
        if (!enable) continue;
        const listener = await readOrAbsent(`/listeners/${encodeURIComponent(id)}`, answers.listener);
        if (listener?.enable_authn === false) open.push(id);
      }
      return open;
    },
  };
}

const CLIENT_RULES = '/authorization/sources/built_in_database/rules/clients';

function toPage<T>(
  answer: { data: T[]; meta: z.output<typeof answers.pageMeta> } | undefined,
  page: number,
): Page<T> {
  if (!answer) return { data: [], hasNext: false };
  const { count, limit, hasnext } = answer.meta;
  return { data: answer.data, hasNext: hasnext ?? (count ?? 0) > page * limit };
}

function toBan(answer: z.output<typeof answers.ban>): ListedBan {
  const until =
    answer.until === undefined || answer.until === 'infinity' ? undefined : Date.parse(answer.until);
  return { as: answer.as, who: answer.who, by: answer.by ?? '', until };
}

function toSession(answer: z.output<typeof answers.client>): ClientSession {
  const connectedAt = answer.connected_at === undefined ? undefined : Date.parse(answer.connected_at);
  return {
    clientid: answer.clientid,
    username: answer.username ?? null,
    connected: answer.connected,
    connectedAt,
    authenticated: typeof answer.auth_expire_at === 'number' || typeof answer.auth_expire_at === 'string',
  };
}
