import type { ValidationTargets } from 'hono';
import { validator } from 'hono-openapi';
import { z } from 'zod';
import { AppError, type FieldFault } from '../platform/errors.ts';

type PathSegment = PropertyKey | { readonly key: PropertyKey };

/**
 * Validates a part of the request and puts it into the OpenAPI document. An invalid body is `validation_failed`,
 * a parameter `bad_request`; both name each faulty value.
 */
export function validate<Target extends keyof ValidationTargets, Schema extends z.ZodType>(
  target: Target,
  schema: Schema,
) {
  return validator(target, strict(target, schema), (result) => {
    if (result.success) return;
    const inBody = target === 'json' || target === 'form';
    const faults = result.error.flatMap((issue) => faultsOf(inBody, issue));
    throw new AppError(
      inBody ? 'validation_failed' : 'bad_request',
      inBody ? 'The body has invalid values.' : 'The request has invalid parameters.',
      { faults },
    );
  });
}

/** A parameter that a query does not know is a mistake, such as a filter misspelt that would then match everything. */
function strict<Schema extends z.ZodType>(target: keyof ValidationTargets, schema: Schema): Schema {
  // A strict object parses to the same type.
  return target === 'query' && schema instanceof z.ZodObject
    ? (schema.strict() as unknown as Schema)
    : schema;
}

interface Issue {
  readonly path?: readonly PathSegment[] | undefined;
  readonly message: string;
}

function faultsOf(inBody: boolean, issue: Issue): FieldFault[] {
  const path = issue.path ?? [];
  const unknown = 'keys' in issue && Array.isArray(issue.keys) ? issue.keys : undefined;
  if (!unknown) return [fault(inBody, path, issue.message)];
  return unknown.map((key) =>
    fault(inBody, [...path, String(key)], inBody ? 'unknown property' : 'unknown parameter'),
  );
}

function fault(inBody: boolean, path: readonly PathSegment[], message: string): FieldFault {
  const names = path.map((segment) => String(typeof segment === 'object' ? segment.key : segment));
  return { field: inBody ? jsonPointer(names) : names.join('.'), message };
}

/** RFC 6901, section 3. */
function jsonPointer(names: readonly string[]): string {
  return names.map((name) => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
