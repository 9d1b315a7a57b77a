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
  readonly additionalProperties?: unknown;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
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

export interface Counterexample {
  /** Where it leaves the schema, such as `name longer than 64`. */
  readonly what: string;
  readonly value: unknown;
}

/** Values that a schema does not describe, each for one reason: a limit that is passed, or a value of another type. */
export function* counterexamplesOf(document: unknown, schema: Schema, at = ''): Generator<Counterexample> {
  if (schema.$ref !== undefined)
    return yield* counterexamplesOf(document, resolve(document, schema.$ref), at);
  const [first] = schema.oneOf ?? schema.anyOf ?? [];
  if (first) return yield* counterexamplesOf(document, first, at);
  const good = exampleOf(document, schema);
  const but = (reason: string, value: unknown) => ({ what: `${at} ${reason}`, value });
  if (typeof good === 'string') {
    const { minLength, maxLength } = schema;
    if (maxLength !== undefined) yield but(`longer than ${maxLength}`, good.padEnd(maxLength + 1, 'x'));
    if (minLength) yield but(`shorter than ${minLength}`, good.slice(0, minLength - 1));
    if (schema.enum) yield but('none of its values', 'no such value');
    yield but('a number', 5);
  } else if (typeof good === 'number') {
    const { minimum, maximum } = schema;
    // The limits of a safe integer are those of the type.
    if (minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER)
      yield but(`below ${minimum}`, minimum - 1);
    if (maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER)
      yield but(`above ${maximum}`, maximum + 1);
    yield but('a text', 'many');
  } else if (Array.isArray(good)) {
    if (schema.maxItems !== undefined) {
      yield but(
        `more than ${schema.maxItems}`,
        Array.from({ length: schema.maxItems + 1 }, () => exampleOf(document, schema.items ?? {})),
      );
    }
    if (schema.minItems) yield but(`fewer than ${schema.minItems}`, []);
    if (schema.items) {
      for (const { what, value } of counterexamplesOf(document, schema.items, `${at}[]`))
        yield { what, value: [value] };
    }
    yield but('an object', {});
  } else if (typeof good === 'object' && good !== null) {
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      for (const { what, value } of counterexamplesOf(document, property, `${at}.${name}`)) {
        yield { what, value: { ...good, [name]: value } };
      }
    }
    if (schema.properties && schema.additionalProperties === false) {
      yield but('with an unknown property', { ...good, noSuchProperty: 1 });
    }
  } else if (typeof good === 'boolean') {
    yield but('a text', 'maybe');
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
