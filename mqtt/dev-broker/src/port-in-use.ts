/** The port that could not be had; `code` and `port` are as Node's own errors have them. */
export interface PortInUseError extends Error {
  code: 'EADDRINUSE';
  port: number;
}

/** Names the port in a listener's error; any other error is passed through. */
export function portInUse(cause: unknown, port: number): unknown {
  const taken = cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE';
  if (!taken) return cause;
  return Object.assign(new Error(`port ${port} is in use`, { cause }), { code: 'EADDRINUSE', port });
}
