import { createServer } from 'node:net';
import { ConfigError } from '../src/config.ts';

/** A port that the stack needs is taken. Its message is one line that says which and how to change it. */
export class PortInUseError extends Error {
  constructor(variable: string, port: number) {
    super(`Port ${port} is in use. Choose another one: ${variable}=${port + 1} npx -y bun run dev`);
    this.name = 'PortInUseError';
  }
}

/**
 * Checks that a port can be listened on.
 *
 * @throws PortInUseError when another process has it; ConfigError when `text` is no port number.
 */
export function freePort(variable: string, text: string, host: string): Promise<number> {
  const port = Number(text || Number.NaN);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    return Promise.reject(new ConfigError([`${variable} must be a port number between 0 and 65535`]));
  }
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: Error & { code?: string }) =>
      reject(error.code === 'EADDRINUSE' ? new PortInUseError(variable, port) : error),
    );
    probe.listen({ port, host }, () => probe.close(() => resolve(port)));
  });
}
