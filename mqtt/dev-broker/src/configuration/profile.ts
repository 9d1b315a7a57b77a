import { join } from 'node:path';
import { z } from 'zod';
import { parseHocon, type Tree } from './hocon.ts';

/**
 * `image`: what the broker image's `base.hocon` gives, which refuses everyone until it is provisioned.
 * `stock`: EMQX's own defaults, which let everyone in; the exchanges were recorded on them.
 */
export type Profile = 'image' | 'stock';

const BASE_HOCON = join(import.meta.dir, '../../../base.hocon');

/** The rules of the stock file source. Of these only the last line is acted on. */
const STOCK_ACL = `%%-------------- Default ACL rules -------------------------------------------------------

{allow, {username, {re, "^dashboard$"}}, subscribe, ["$SYS/#"]}.

{allow, {ipaddr, "127.0.0.1"}, all, ["$SYS/#", "#"]}.

{deny, all, subscribe, ["$SYS/#", {eq, "#"}, {eq, "+/#"}]}.

{allow, all}.
`;

const baseSchema = z.looseObject({
  authentication: z.array(z.unknown()).default([]),
  authorization: z.looseObject({ sources: z.array(z.unknown()).default([]) }).prefault({}),
});

/** What a broker of a profile starts with, in the form in which REST takes each part. */
export interface Base {
  authenticators: readonly unknown[];
  authorization: Tree;
  sources: readonly unknown[];
  /** The roots that `Configuration` holds. */
  configuration: Tree;
}

/** Reads a profile; `changes` is HOCON laid over it, as a newer image's `base.hocon` would have it. */
export async function readProfile(profile: Profile): Promise<Base> {
  if (profile === 'stock') {
    const sources = [{ type: 'file', enable: true, rules: STOCK_ACL }];
    return { authenticators: [], authorization: {}, sources, configuration: {} };
  }
  const base = baseSchema.parse(await parseHocon(await Bun.file(BASE_HOCON).text()));
  const { authentication, authorization, listeners: _, ...configuration } = base;
  const { sources, ...settings } = authorization;
  return { authenticators: authentication, authorization: settings, sources, configuration };
}
