/** Below the ports that systems give out by themselves (from 32,768 on Linux), so that no socket opened meanwhile has one of them. */
const FIRST = 10_000;
const PER_WORKER = 2_000;
const WORKERS = 10;

/** `bun test --parallel` numbers its processes from 1; a run of one process is no worker. */
const worker = Number(process.env.BUN_TEST_WORKER_ID ?? 0) % WORKERS;
/** Not always the first: what ran before in this process, or runs elsewhere on this machine, may still have those. */
let next = Math.floor(Math.random() * PER_WORKER);

/**
 * A free TCP port for a server that a test stops and starts again. Port 0 does not do for one: while the server is down,
 * another test's may be given the port.
 */
export function reservePort(): number {
  for (let attempt = 0; attempt < PER_WORKER; attempt++) {
    const port = FIRST + worker * PER_WORKER + (next++ % PER_WORKER);
    if (isFree(port)) return port;
  }
  throw new Error(`no free port from ${FIRST + worker * PER_WORKER} on`);
}

function isFree(port: number): boolean {
  try {
    Bun.listen({ hostname: '0.0.0.0', port, socket: { data() {} } }).stop(true);
    return true;
  } catch {
    return false;
  }
}
