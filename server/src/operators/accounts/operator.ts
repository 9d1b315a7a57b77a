import type { Operator } from '../../../contract/api/operators.ts';
import type { OperatorRecord } from './store.ts';

export function toOperator(row: OperatorRecord): Operator {
  return {
    id: row.id,
    username: row.username,
    role: row.role,
    version: row.version,
    createdAt: row.createdAt.toISOString(),
  };
}
