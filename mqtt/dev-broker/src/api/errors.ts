import type { z } from 'zod';

/** EMQX's error answers: a status and a body of `code` and `message`. */
export class ApiError extends Error {
  readonly status: 400 | 401 | 404 | 409;
  readonly code: string;

  constructor(status: ApiError['status'], code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export const badRequest = (message: string) => new ApiError(400, 'BAD_REQUEST', message);
export const notFound = (message: string) => new ApiError(404, 'NOT_FOUND', message);
export const alreadyExists = (message: string) => new ApiError(409, 'ALREADY_EXISTS', message);
export const clientNotFound = () => new ApiError(404, 'CLIENTID_NOT_FOUND', 'Client ID not found');

/** The 400 that EMQX answers to a malformed body: its `message` is JSON text. */
export function validationError(details: Record<string, unknown>): ApiError {
  return badRequest(JSON.stringify({ kind: 'validation_error', ...details }));
}

/** Checks a request body; the first fault is reported in EMQX's form. */
export function checkBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = issue?.path.map(String).join('.') ?? '';
  const value = valueAt(body, issue?.path ?? []);
  if (value === undefined) throw validationError({ path: path || 'root', reason: 'required_field' });
  if (issue?.code === 'invalid_value') throw validationError({ path, reason: 'not_a_enum_symbol', value });
  throw validationError({ path: path || 'root', reason: issue?.message ?? 'invalid', value });
}

function valueAt(body: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined,
    body,
  );
}
