import { reportReachable, reportUnreachable } from './reachability.ts';

/** One faulty value of a request: a JSON Pointer or the name of a parameter, and what is wrong with it. */
export interface FieldFault {
  readonly field: string;
  readonly message: string;
}

/** A request that failed. `kind` is the last part of the problem's type; `unreachable` when no answer came, or a part of one. */
export class RequestFailure extends Error {
  readonly kind: string;
  readonly status: number;
  readonly faults: readonly FieldFault[];
  readonly requestId: string | undefined;

  constructor(
    kind: string,
    message: string,
    details: { status?: number; faults?: readonly FieldFault[]; requestId?: string } = {},
  ) {
    super(message);
    this.name = 'RequestFailure';
    this.kind = kind;
    this.status = details.status ?? 0;
    this.faults = details.faults ?? [];
    this.requestId = details.requestId;
  }
}

interface Answered<T> {
  readonly ok: boolean;
  readonly status: number;
  json(): Promise<T>;
}

/**
 * The body of a successful answer.
 *
 * @throws RequestFailure with what the server says, or `unreachable`.
 */
export async function answer<T>(request: Promise<Answered<T>>): Promise<T> {
  const response = await settled(request);
  if (response.status === 204) return undefined as T;
  try {
    return await response.json();
  } catch (cause) {
    if (isAbort(cause)) throw cause;
    throw new RequestFailure('unreachable', 'The answer of the server was cut off.');
  }
}

/** The answer itself, once it is known to be a success. */
export async function settled<R extends Answered<unknown>>(request: Promise<R>): Promise<R> {
  let response: R;
  try {
    response = await request;
  } catch (cause) {
    if (isAbort(cause)) throw cause;
    reportUnreachable();
    throw new RequestFailure('unreachable', 'The server does not answer.');
  }
  if (response.ok) {
    reportReachable();
    return response;
  }
  const failure = await failureOf(response);
  if (response.status === 502 || response.status === 504) reportUnreachable();
  else reportReachable();
  throw failure;
}

function isAbort(cause: unknown): boolean {
  return cause instanceof Error && cause.name === 'AbortError';
}

async function failureOf(response: Answered<unknown>): Promise<RequestFailure> {
  const body = await response.json().catch(() => undefined);
  const { type, detail, instance, errors } = isObject(body) ? body : {};
  return new RequestFailure(
    typeof type === 'string' ? type.replace('/problems/', '') : 'unknown',
    typeof detail === 'string' ? detail : `The server answered ${response.status}.`,
    {
      status: response.status,
      faults: Array.isArray(errors) ? errors.filter(isFault) : [],
      ...(typeof instance === 'string' ? { requestId: instance } : {}),
    },
  );
}

function isFault(value: unknown): value is FieldFault {
  return isObject(value) && typeof value.field === 'string' && typeof value.message === 'string';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

export function failureKind(error: unknown): string | undefined {
  return error instanceof RequestFailure ? error.kind : undefined;
}

/** What is wrong with one field of a form, as the server said. `field` is its name in the body. */
export function faultOf(error: unknown, field: string): string | undefined {
  if (!(error instanceof RequestFailure)) return undefined;
  return error.faults.find((fault) => fault.field.replace(/^\//, '') === field)?.message;
}
