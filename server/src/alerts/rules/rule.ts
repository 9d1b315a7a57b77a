import {
  type AlertCondition,
  type AlertRule,
  type AlertScope,
  alertCondition,
  alertScope,
} from '../../../contract/api/alert-rules.ts';
import type { alertRules } from '../../platform/db/schema.ts';

export type RuleRow = typeof alertRules.$inferSelect;

/** What is evaluated of a rule. */
export interface Rule<Condition extends AlertCondition = AlertCondition> {
  readonly id: string;
  readonly scope: AlertScope;
  readonly condition: Condition;
}

export function toRule(
  row: Pick<RuleRow, 'id' | 'scopeKind' | 'scopeDevice' | 'scopeTag' | 'condition'>,
): Rule {
  return { id: row.id, scope: scopeOf(row), condition: alertCondition.parse(row.condition) };
}

function scopeOf(row: Pick<RuleRow, 'scopeKind' | 'scopeDevice' | 'scopeTag'>): AlertScope {
  return alertScope.parse(
    row.scopeKind === 'device'
      ? { kind: 'device', device: row.scopeDevice }
      : row.scopeKind === 'tag'
        ? { kind: 'tag', tag: row.scopeTag }
        : { kind: 'all' },
  );
}

export function scopeColumns(scope: AlertScope): Pick<RuleRow, 'scopeKind' | 'scopeDevice' | 'scopeTag'> {
  return {
    scopeKind: scope.kind,
    scopeDevice: scope.kind === 'device' ? scope.device : null,
    scopeTag: scope.kind === 'tag' ? scope.tag : null,
  };
}

/** Devices by how the rule stands for them. */
export interface StateCounts {
  readonly firing: number;
  readonly pending: number;
}

export function toAlertRule(row: RuleRow, { firing, pending }: StateCounts, now: number): AlertRule {
  const { scope, condition } = toRule(row);
  return {
    id: row.id,
    name: row.name,
    enabled: row.enabled,
    scope,
    condition,
    channels: row.channels,
    silencedUntil:
      row.silencedUntil && row.silencedUntil.getTime() > now ? row.silencedUntil.toISOString() : null,
    firing,
    pending,
    version: row.version,
    createdBy: row.createdBy,
    createdAt: row.createdAt.toISOString(),
  };
}

/** What the audit log keeps of a rule. */
export function auditView(row: RuleRow): Record<string, unknown> {
  return {
    name: row.name,
    enabled: row.enabled,
    scope: scopeOf(row),
    condition: row.condition,
    channels: row.channels,
  };
}
