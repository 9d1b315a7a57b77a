import { type SQL, sql } from 'drizzle-orm';
import { z } from 'zod';
import type { Queryable } from '../src/platform/db/client.ts';

/** A node of a plan that was executed. */
export interface PlanNode {
  readonly type: string;
  readonly table: string | undefined;
  /** That it looked at, in all loops. */
  readonly rows: number;
}

interface Plan {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string | undefined;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number | undefined;
  readonly Plans?: readonly Plan[] | undefined;
}

const plan: z.ZodType<Plan> = z.object({
  'Node Type': z.string(),
  'Relation Name': z.string().optional(),
  'Actual Rows': z.number(),
  'Actual Loops': z.number(),
  'Rows Removed by Filter': z.number().optional(),
  Plans: z.array(z.lazy(() => plan)).optional(),
});

/** A database that keeps the plans of what it executes. Each statement is executed twice. */
export function explaining(db: Queryable): { readonly db: Queryable; readonly nodes: PlanNode[] } {
  const nodes: PlanNode[] = [];
  function note(node: Plan): void {
    const rows = node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0);
    nodes.push({
      type: node['Node Type'],
      table: node['Relation Name'],
      rows: rows * node['Actual Loops'],
    });
    node.Plans?.forEach(note);
  }
  const explained: Queryable = Object.create(db, {
    execute: {
      value: async (statement: SQL) => {
        const [row] = await db.execute(sql`explain (analyze, format json) ${statement}`);
        for (const { Plan } of z.array(z.object({ Plan: plan })).parse(row?.['QUERY PLAN'])) note(Plan);
        return await db.execute(statement);
      },
    },
  });
  return { db: explained, nodes };
}
