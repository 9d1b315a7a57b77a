import type { Context } from 'hono';
import { errorCode } from '../platform/errors.ts';

interface ListenOptions {
  readonly port: number;
  readonly idleTimeout: number;
  readonly maxRequestBodySize: number;
  readonly fetch: (request: Request, server: Bun.Server<undefined>) => Response | Promise<Response>;
}

/** Listens on all addresses of both families, or of IPv4 alone on a machine without IPv6. */
export function listen(options: ListenOptions): Bun.Server<undefined> {
  try {
    return Bun.serve({ ...options, hostname: '::' });
  } catch (error) {
    if (errorCode(error) === 'EADDRINUSE') throw error;
    return Bun.serve({ ...options, hostname: '0.0.0.0' });
  }
}

/** Has a request end by its handler's own time limits, not by the time for which a connection may be silent. */
export function keepConnection(c: Context): void {
  const server: unknown = c.env;
  // Without a listener, as in some tests, there is no connection either.
  if (isServer(server)) server.timeout(c.req.raw, 0);
}

function isServer(env: unknown): env is Pick<Bun.Server<undefined>, 'timeout'> {
  return typeof env === 'object' && env !== null && 'timeout' in env && typeof env.timeout === 'function';
}
