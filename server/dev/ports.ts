import { createServer } from 'node:net';
import { ConfigError } from '../src/config.ts';
import { commandLine } from './command-line.ts';
import { StackError } from './stack-error.ts';

/** A port that the stack needs: the variable that moves it, where it is by default, and the address it listens on. */
interface Wanted {
  readonly variable: 'PORT' | 'MQTT_PORT' | 'EMQX_API_PORT';
  readonly usual: number;
  readonly host: string;
}

const WANTED: readonly Wanted[] = [
  { variable: 'PORT', usual: 3000, host: '::' },
  { variable: 'MQTT_PORT', usual: 1883, host: '0.0.0.0' },
  { variable: 'EMQX_API_PORT', usual: 18_083, host: '127.0.0.1' },
];
const HIGHEST = 65_535;

export type Ports = Readonly<Record<Wanted['variable'], number>>;

/**
 * The ports of the environment, all of them free; 0 has the system choose one.
 *
 * @param command what starts this stack, for the line that moves them.
 * @throws StackError that names all ports in use, with a line that moves them; ConfigError where one is no port number.
 */
export async function freePorts(
  env: Readonly<Record<string, string | undefined>>,
  command: string,
): Promise<Ports> {
  const ports = WANTED.map((wanted) => ({ ...wanted, port: Number(env[wanted.variable] || wanted.usual) }));
  const faults = ports
    .filter(({ port }) => !Number.isInteger(port) || port < 0 || port > HIGHEST)
    .map(({ variable }) => `${variable} must be a port number between 0 and ${HIGHEST}`);
  for (const [at, { variable, port }] of ports.entries()) {
    const equal = ports.slice(0, at).find((other) => port !== 0 && other.port === port);
    if (equal) faults.push(`${variable} must differ from ${equal.variable}: both are ${port}`);
  }
  if (faults.length > 0) throw new ConfigError(faults);

  const taken = [];
  for (const each of ports) if (!(await isFree(each.port, each.host))) taken.push(each);
  if (taken.length > 0) {
    const used = new Set(ports.map(({ port }) => port));
    const moved: Record<string, string> = {};
    for (const { variable, port, host } of taken) moved[variable] = String(await nextFree(port, host, used));
    const names = taken.map(({ variable, port }) => `${port} (${variable})`).join(', ');
    throw new StackError(`In use: port ${names}. To use others: ${commandLine(command, env, moved)}`);
  }
  const [port = 0, mqttPort = 0, apiPort = 0] = ports.map((each) => each.port);
  return { PORT: port, MQTT_PORT: mqttPort, EMQX_API_PORT: apiPort };
}

async function nextFree(after: number, host: string, used: Set<number>): Promise<number> {
  for (let port = after + 1; port <= HIGHEST; port++) {
    if (used.has(port) || !(await isFree(port, host))) continue;
    used.add(port);
    return port;
  }
  return 0;
}

function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: Error & { code?: string }) => {
      // Without IPv6 the server listens on IPv4 alone.
      if (error.code === 'EAFNOSUPPORT' || error.code === 'EADDRNOTAVAIL') resolve(true);
      else if (error.code === 'EADDRINUSE') resolve(false);
      else if (error.code === 'EACCES')
        reject(new StackError(`Port ${port} may not be used by this account.`));
      else reject(error);
    });
    probe.listen({ port, host }, () => probe.close(() => resolve(true)));
  });
}
