import { z } from 'zod';
import type { TokenAcl } from '../authorization/identity.ts';
import { parseRule, type Rule, type RuleAction } from '../authorization/rules.ts';

const topics = z.array(z.string()).optional();
const mapForm = z.object({ pub: topics, sub: topics, all: topics });
const MAP_ACTIONS: readonly (readonly ['pub' | 'sub' | 'all', RuleAction])[] = [
  ['pub', 'publish'],
  ['sub', 'subscribe'],
  ['all', 'all'],
];

/** Reads either form of the claim; a rule that EMQX does not understand makes the whole token a refused one. */
export function readAcl(claim: unknown, exp: unknown): TokenAcl | null | 'malformed' {
  if (claim === undefined) return null;
  const expiresAt = typeof exp === 'number' ? exp : null;
  if (Array.isArray(claim)) {
    const rules: Rule[] = [];
    for (const raw of claim) {
      const parsed = parseRule(raw);
      if (!parsed.ok) return 'malformed';
      rules.push(...parsed.rules);
    }
    return { rules, exhaustive: false, expiresAt };
  }
  const parsed = mapForm.safeParse(claim);
  if (!parsed.success) return 'malformed';
  const rules = MAP_ACTIONS.flatMap(([key, action]) =>
    (parsed.data[key] ?? []).flatMap((topic) => {
      const rule = parseRule({ permission: 'allow', action, topic });
      return rule.ok ? rule.rules : [];
    }),
  );
  return { rules, exhaustive: true, expiresAt };
}

/** True, `"true"`, or a whole number from 1 on, as a number or as text. */
export function isSuperuserClaim(claim: unknown): boolean {
  if (claim === true || claim === 'true') return true;
  if (typeof claim === 'string') return /^\d+$/.test(claim) && Number(claim) >= 1;
  return typeof claim === 'number' && Number.isInteger(claim) && claim >= 1;
}
