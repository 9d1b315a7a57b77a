import { z } from 'zod';
import type { OperatorRecord } from './store.ts';

export const role = z.enum(['admin', 'viewer']).describe('A viewer reads everything and changes nothing');

/** An operator, as `/api/v1` shows it. */
export const operator = z
  .object({
    id: z.uuid(),
    username: z.string(),
    role,
    version: z.int().describe('Rises with every change; the entity tag'),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'Operator' });

/** The id of an operator in a path. */
export const operatorPath = z.object({ id: z.uuid() });

export function toOperator(row: OperatorRecord): z.output<typeof operator> {
  return {
    id: row.id,
    username: row.username,
    role: row.role,
    version: row.version,
    createdAt: row.createdAt.toISOString(),
  };
}
