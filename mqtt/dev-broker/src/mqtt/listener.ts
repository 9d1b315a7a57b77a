import { createServer, type Server, type Socket } from 'node:net';
import { portInUse } from '../port-in-use.ts';

/** A TCP listener and how to end it. */
export interface Listener {
  port: number;
  close(): Promise<void>;
}

/** Listens; `port` 0 takes any free one. Rejects with EADDRINUSE and the port where it is taken. */
export function listen(host: string, port: number, accept: (socket: Socket) => void): Promise<Listener> {
  const server = createServer(accept);
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => reject(portInUse(cause, port)));
    server.listen(port, host, () => {
      const address = server.address();
      resolve({
        port: address !== null && typeof address === 'object' ? address.port : port,
        close: () => closeServer(server),
      });
    });
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
