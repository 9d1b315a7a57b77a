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
