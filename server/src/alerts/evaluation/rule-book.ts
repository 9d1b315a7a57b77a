import { eq, sql } from 'drizzle-orm';
import { z } from 'zod';
import type { Queryable } from '../../platform/db/client.ts';
import { alertRules } from '../../platform/db/schema.ts';
import { type Rule, toRule } from '../rules/rule.ts';

/** The enabled rules. */
export interface RuleBook {
  readonly revision: number;
  readonly rules: ReadonlyMap<string, Rule>;
  /** Rules that this version of the server cannot read, which must not keep it from evaluating the others. */
  readonly unreadable: readonly string[];
}

/**
 * The rules that are in effect until the transaction ends: whoever changes one waits for it.
 *
 * @param known the book of an earlier transaction, which is still right where no rule was changed since.
 */
export async function holdRuleBook(tx: Queryable, known: RuleBook | undefined): Promise<RuleBook> {
  const [row] = await tx.execute<{ revision: string }>(
    sql`select revision from alert_rule_book where id = 1 for share`,
  );
  if (!row) throw new Error('the rule book has no row');
  const revision = Number(row.revision);
  if (known?.revision === revision) return known;
  const rows = await tx
    .select({
      id: alertRules.id,
      scopeKind: alertRules.scopeKind,
      scopeDevice: alertRules.scopeDevice,
      scopeTag: alertRules.scopeTag,
      condition: alertRules.condition,
    })
    .from(alertRules)
    .where(eq(alertRules.enabled, true));
  const rules = new Map<string, Rule>();
  const unreadable: string[] = [];
  for (const each of rows) {
    try {
      rules.set(each.id, toRule(each));
    } catch (error) {
      if (!(error instanceof z.ZodError)) throw error;
      unreadable.push(each.id);
    }
  }
  return { revision, rules, unreadable };
}

/** First in every transaction that changes rules: waits for those that evaluate them, and has the next ones read them again. */
export async function reviseRuleBook(tx: Queryable): Promise<void> {
  await tx.execute(sql`update alert_rule_book set revision = revision + 1 where id = 1`);
}
