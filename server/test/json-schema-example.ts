import { randomUUID } from 'node:crypto';

interface Schema {
  readonly $ref?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly minimum?: number;
  readonly minLength?: number;
  readonly format?: string;
  readonly pattern?: string;
}

/** A value that a schema of an OpenAPI document describes: all properties, the shortest of what has a length. */
export function exampleOf(document: unknown, schema: Schema): unknown {
  if (schema.$ref !== undefined) return exampleOf(document, resolve(document, schema.$ref));
  if ('const' in schema) return schema.const;
  if (schema.enum) return schema.enum[0];
  const [first] = schema.oneOf ?? schema.anyOf ?? [];
  if (first) return exampleOf(document, first);
  if (schema.allOf) return Object.assign({}, ...schema.allOf.map((part) => exampleOf(document, part)));
  const type = typeof schema.type === 'object' ? schema.type[0] : schema.type;
  switch (type) {
    case 'object':
      return Object.fromEntries(
        Object.entries(schema.properties ?? {}).map(([name, property]) => [
          name,
          exampleOf(document, property),
        ]),
      );
    case 'array':
      return schema.items
        ? Array.from({ length: schema.minItems ?? 1 }, () => exampleOf(document, schema.items ?? {}))
        : [];
    case 'string':
      return stringOf(schema);
    case 'number':
    case 'integer':
      return Math.max(schema.minimum ?? 1, 1);
    case 'boolean':
      return true;
    default:
      return null;
  }
}

function stringOf({ format, pattern, minLength = 1 }: Schema): string {
  if (format === 'uuid' || pattern?.includes('0-9a-f')) return randomUUID();
  if (format === 'date-time') return new Date(Date.now() + 3_600_000).toISOString();
  if (format === 'uri') return 'https://example.net/';
  if (format === 'date') return '2026-01-01';
  return 'x'.repeat(Math.max(minLength, 1));
}

function resolve(document: unknown, reference: string): Schema {
  let at = document;
  for (const name of reference.replace(/^#\//, '').split('/')) at = (at as Record<string, unknown>)[name];
  return at as Schema;
}
