import type { Context } from 'hono';
import { errorCode } from '../platform/errors.ts';

interface ListenOptions {
  readonly port: number;
  readonly idleTimeout: number;
  readonly maxRequestBodySize: number;
  readonly fetch: (request: Request, server: Bun.Server<undefined>) => Response | Promise<Response>;
}

/** A port cannot be listened on. */
export class ListenError extends Error {
  readonly port: number;
  /** Of the system, such as `EADDRINUSE` or `EACCES`. */
  readonly code: string | undefined;

  constructor(port: number, cause: unknown) {
    super('The port cannot be listened on.', { cause });
    this.name = 'ListenError';
    this.port = port;
    this.code = errorCode(cause);
  }
}

/**
 * Listens on all addresses of both families, or of IPv4 alone on a machine without IPv6.
 *
 * @throws ListenError
 */
export function listen(options: ListenOptions): Bun.Server<undefined> {
  try {
    return listenOnAnyFamily(options);
  } catch (error) {
    throw new ListenError(options.port, error);
  }
}

function listenOnAnyFamily(options: ListenOptions): Bun.Server<undefined> {
  try {
    return Bun.serve({ ...options, hostname: '::' });
  } catch (error) {
    if (errorCode(error) === 'EADDRINUSE') throw error;
    return Bun.serve({ ...options, hostname: '0.0.0.0' });
  }
}

/**
 * Has a request end by its handler's own time limits, not by the time for which a connection may be silent.
 *
 * @param idleSeconds for how long the connection may be silent afterwards: what is set for a request stays with it.
 */
export async function keepConnection(
  c: Context,
  idleSeconds: number,
  work: () => Promise<void>,
): Promise<void> {
  const server: unknown = c.env;
  const request = c.req.raw;
  // Without a listener, as in some tests, there is no connection either.
  if (!isServer(server)) return await work();
  server.timeout(request, 0);
  try {
    await work();
  } finally {
    server.timeout(request, idleSeconds);
  }
}

function isServer(env: unknown): env is Pick<Bun.Server<undefined>, 'timeout'> {
  return typeof env === 'object' && env !== null && 'timeout' in env && typeof env.timeout === 'function';
}
