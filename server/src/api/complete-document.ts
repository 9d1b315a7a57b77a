import type { generateSpecs } from 'hono-openapi';
import { type ProblemKind, problemKinds } from '../http/problem.ts';

type ApiDocument = Awaited<ReturnType<typeof generateSpecs>>;
type Operation = NonNullable<NonNullable<ApiDocument['paths'][string]>['get']>;

const METHODS = ['get', 'put', 'post', 'patch', 'delete'] as const;
const CHANGES: ReadonlySet<string> = new Set(['put', 'post', 'patch', 'delete']);

/**
 * Adds to each operation of `/api/v1` what follows from its form rather than from its handler: the failures of its
 * parameters, body and method, and whether its body may be left out.
 */
export function completeDocument(document: ApiDocument): ApiDocument {
  for (const [path, operations] of Object.entries(document.paths)) {
    if (!path.startsWith('/api/v1/')) continue;
    for (const method of METHODS) {
      const operation = operations?.[method];
      if (operation) completeOperation(operation, method);
    }
  }
  return document;
}

function completeOperation(operation: Operation, method: string): void {
  const body = operation.requestBody;
  if (body && !('$ref' in body)) body.required = Object.values(body.content).every(isRequired);
  const kinds: ProblemKind[] = [
    ...(CHANGES.has(method) ? (['forbidden', 'unsupported-media-type', 'payload-too-large'] as const) : []),
    ...(body || operation.parameters?.length ? (['bad-request'] as const) : []),
    ...(body ? (['validation-failed'] as const) : []),
    'internal',
  ];
  operation.responses ??= {};
  for (const kind of kinds) addProblem(operation.responses, kind);
}

/** An object without required properties may as well be left out. */
function isRequired({ schema }: { schema?: unknown }): boolean {
  if (typeof schema !== 'object' || schema === null) return true;
  const isObject = 'type' in schema && schema.type === 'object';
  return !isObject || 'minProperties' in schema || ('required' in schema && schema.required !== undefined);
}

function addProblem(responses: NonNullable<Operation['responses']>, kind: ProblemKind): void {
  const { status, title } = problemKinds[kind];
  const line = `\`/problems/${kind}\`: ${title}`;
  const known = responses[String(status)];
  if (known && 'description' in known && known.description !== undefined) {
    if (!known.description.includes(line)) known.description += `\n\n${line}`;
    return;
  }
  responses[String(status)] = {
    description: line,
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  };
}
