import { parse } from '@pushcorn/hocon-parser';
import { z } from 'zod';

const treeSchema = z.record(z.string(), z.unknown());

/** A configuration as HOCON and JSON have it. */
export type Tree = z.infer<typeof treeSchema>;

/** Reads HOCON; null when it is none. `include` is refused, which could read this machine's files. */
export async function parseHocon(text: string): Promise<Tree | null> {
  if (/^\s*include\b/m.test(text)) return null;
  try {
    return treeSchema.parse(await parse({ text, strict: true }));
  } catch {
    return null;
  }
}

/** Writes HOCON in the form in which EMQX prints its configuration. */
export function formatHocon(tree: Tree, indent = ''): string {
  const lines = Object.keys(tree)
    .sort()
    .map((key) => {
      const value = tree[key];
      return isTree(value)
        ? `${indent}${key} {\n${formatHocon(value, `${indent}  `)}${indent}}\n`
        : `${indent}${key} = ${formatValue(value)}\n`;
    });
  return lines.join('');
}

/** Lays a tree over another: objects are merged, everything else is replaced. */
export function mergeTrees(under: Tree, over: Tree): Tree {
  const merged = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key];
    merged[key] = isTree(below) && isTree(value) ? mergeTrees(below, value) : value;
  }
  return merged;
}

export function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function formatValue(value: unknown): string {
  if (typeof value === 'string' && /^[\w.-]+$/.test(value) && !/^[\d.-]+$/.test(value)) return value;
  return JSON.stringify(value);
}
