import type { Listener } from '../mqtt/listener.ts';
import { portInUse } from '../port-in-use.ts';

/** Serves HTTP; `port` 0 takes any free one. Throws with EADDRINUSE and the port where it is taken. */
export function serveApi(
  hostname: string,
  port: number,
  fetch: (request: Request) => Response | Promise<Response>,
): Listener {
  try {
    const server = Bun.serve({ hostname, port, fetch, idleTimeout: 0 });
    return { port: server.port ?? port, close: () => server.stop(true) };
  } catch (cause) {
    throw portInUse(cause, port);
  }
}
