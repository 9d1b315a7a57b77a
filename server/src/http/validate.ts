import type { ValidationTargets } from 'hono';
import { validator } from 'hono-openapi';
import type { z } from 'zod';
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
  return validator(target, schema, (result) => {
    if (result.success) return;
    const inBody = target === 'json' || target === 'form';
    const faults = result.error.map(({ path, message }) => fault(inBody, path ?? [], message));
    throw new AppError(
      inBody ? 'validation_failed' : 'bad_request',
      inBody ? 'The body has invalid values.' : 'The request has invalid parameters.',
      { faults },
    );
  });
}

function fault(inBody: boolean, path: readonly PathSegment[], message: string): FieldFault {
  const names = path.map((segment) => String(typeof segment === 'object' ? segment.key : segment));
  return { field: inBody ? jsonPointer(names) : names.join('.'), message };
}

/** RFC 6901, section 3. */
function jsonPointer(names: readonly string[]): string {
  return names.map((name) => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
