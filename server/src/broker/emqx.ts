import { z } from 'zod';
import type { Authenticator, AuthorizationSettings, ClosedAuthenticator, Rule } from './desired-state.ts';
import * as answers from './emqx-answers.ts';
import { deviceCalls } from './emqx-devices.ts';
import { createRest, type EmqxOptions } from './emqx-rest.ts';

export { EmqxError } from './emqx-rest.ts';

export type Emqx = ReturnType<typeof createEmqx>;

/** EMQX's REST API (`/api/v5`, HTTP Basic with an API key), just the calls that the server makes. Each throws EmqxError. */
export function createEmqx(options: EmqxOptions) {
  const rest = createRest(options);
  const { call, read, readOrAbsent } = rest;
  return {
    /** Version and state of every node. */
    nodes: () => read('/nodes', z.array(answers.node)),

    authenticators: () => read('/authentication', z.array(answers.authenticator)),
    async createAuthenticator(authenticator: Authenticator | ClosedAuthenticator): Promise<void> {
      await call('POST', '/authentication', { body: authenticator, accept: [409] });
    },
    /** Replaces an authenticator. The only way to be sure of its secret, which the API never shows. */
    async replaceAuthenticator(
      id: string,
      authenticator: Authenticator | ClosedAuthenticator,
    ): Promise<void> {
      await call('PUT', `/authentication/${encodeURIComponent(id)}`, { body: authenticator });
    },
    async moveAuthenticatorToFront(id: string): Promise<void> {
      await call('PUT', `/authentication/${encodeURIComponent(id)}/position/front`);
    },

    authorizationSettings: () => read('/authorization/settings', answers.authorizationSettings),
    async setAuthorizationSettings(settings: AuthorizationSettings): Promise<void> {
      await call('PUT', '/authorization/settings', { body: settings });
    },
    async sources() {
      return (await read('/authorization/sources', z.object({ sources: z.array(answers.source) }))).sources;
    },
    async createSource(source: Record<string, unknown>): Promise<void> {
      await call('POST', '/authorization/sources', { body: source });
    },
    async replaceSource(type: string, source: Record<string, unknown>): Promise<void> {
      await call('PUT', `/authorization/sources/${encodeURIComponent(type)}`, { body: source });
    },
    async moveSourceToFront(type: string): Promise<void> {
      await call('POST', `/authorization/sources/${encodeURIComponent(type)}/move`, {
        body: { position: 'front' },
      });
    },

    /** The rules for all clients; nothing where the built-in database does not exist yet. */
    async rulesForAll(): Promise<Rule[] | undefined> {
      const answer = await readOrAbsent(`${BUILT_IN}/rules/all`, z.object({ rules: z.array(answers.rule) }));
      return answer?.rules;
    },
    async replaceRulesForAll(rules: readonly Rule[]): Promise<void> {
      await call('POST', `${BUILT_IN}/rules/all`, { body: { rules } });
    },

    /** Listeners and whether they take connections, on all nodes. */
    async listeners(): Promise<readonly { readonly id: string; readonly running: boolean }[]> {
      const listed = await read('/listeners', z.array(answers.listener));
      return listed.map(({ id, status, enable }) => ({ id, running: (status?.running ?? enable) === true }));
    },
    async startListener(id: string): Promise<void> {
      await call('POST', `/listeners/${encodeURIComponent(id)}/start`);
    },

    async mergeConfiguration(hocon: string): Promise<void> {
      await call('PUT', '/configs?mode=merge', { text: hocon });
    },
    sysTopics: () => read('/configs/sys_topics', answers.sysTopics),
    async setSysTopics(settings: z.output<typeof answers.sysTopics>): Promise<void> {
      await call('PUT', '/configs/sys_topics', { body: settings });
    },
    delayed: () => read('/mqtt/delayed', answers.delayed),
    async setDelayed(settings: z.output<typeof answers.delayed>): Promise<void> {
      await call('PUT', '/mqtt/delayed', { body: settings });
    },
    retainer: () => read('/mqtt/retainer', answers.retainer),
    async setRetainer(settings: z.output<typeof answers.retainer>): Promise<void> {
      await call('PUT', '/mqtt/retainer', { body: settings });
    },
    /** Publishes at QoS 1, not retained. Whether a session took it, which may be one of a client that is away. */
    async publish({ topic, payload, expirySeconds }: Publication): Promise<boolean> {
      const body = { topic, payload, qos: 1, properties: { message_expiry_interval: expirySeconds } };
      return (await call('POST', '/publish', { body })).status !== NOBODY_LISTENS;
    },
    ...deviceCalls(rest),
  };
}

export interface Publication {
  readonly topic: string;
  readonly payload: string;
  /** The broker drops it when it has waited for so long. */
  readonly expirySeconds: number;
}

/** 202, `no_matching_subscribers`. */
const NOBODY_LISTENS = 202;
const BUILT_IN = '/authorization/sources/built_in_database';
