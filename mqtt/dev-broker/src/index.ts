import { type ApiFault, createApi } from './api/app.ts';
import { serveApi } from './api/serve.ts';
import { type Clock, systemClock } from './clock.ts';
import type { Profile } from './configuration/profile.ts';
import { BrokerCore } from './core.ts';
import { createMqttEngine } from './mqtt/engine.ts';
import { type Listener, listen } from './mqtt/listener.ts';

export type { ApiFault } from './api/app.ts';
export { type Clock, systemClock, type Timer } from './clock.ts';
export type { Profile } from './configuration/profile.ts';
export type { PortInUseError } from './port-in-use.ts';

export interface DevBrokerOptions {
  /** The public listener, `tcp:default`; 0, the default, takes any free port. */
  mqttPort?: number;
  /** The server's own listener, `tcp:server`, with its zone; 0, the default, takes any free port. */
  serverPort?: number;
  /** The REST API; 0, the default, takes any free port. */
  apiPort?: number;
  /** Where everything listens; 127.0.0.1 by default. */
  host?: string;
  /** Where the public listener listens, if elsewhere. */
  mqttHost?: string;
  apiKey: string;
  apiSecret: string;
  /** `image` by default: closed until it is provisioned. */
  profile?: Profile;
  clock?: Clock;
}

export interface DevBroker {
  mqttPort: number;
  serverPort: number;
  apiPort: number;
  mqttUrl: string;
  serverUrl: string;
  /** With `/api/v5` at its end. */
  apiUrl: string;
  /** Ends every connection and frees the ports. Nothing is kept: a broker started again is empty. */
  close(): Promise<void>;
  /** Cuts every MQTT connection; sessions stay as they would after a network failure. */
  dropConnections(): void;
  /** Makes REST hang or answer with a status, until null puts it right. */
  failApi(fault: ApiFault | null): void;
}

/** Starts a broker. A taken port rejects with `code` EADDRINUSE and `port`. */
export async function startDevBroker(options: DevBrokerOptions): Promise<DevBroker> {
  const { host = '127.0.0.1', apiKey, apiSecret } = options;
  const core = new BrokerCore(options.clock ?? systemClock, options.profile ?? 'image');
  const engine = await createMqttEngine(core);
  const opened: Listener[] = [];
  const closeAll = async () => {
    // Listeners first, so that nobody comes back in; they are closed once their connections have ended.
    const closing = opened.toReversed().map((listener) => listener.close());
    core.close();
    await Promise.all(closing);
    await engine.close();
  };
  const open = (listener: Listener) => {
    opened.push(listener);
    return listener.port;
  };
  let fault: ApiFault | null = null;
  try {
    const mqttPort = open(
      await listen(options.mqttHost ?? host, options.mqttPort ?? 0, (socket) =>
        engine.accept(socket, { listener: 'tcp:default', zone: 'default' }),
      ),
    );
    const serverPort = open(
      await listen(host, options.serverPort ?? 0, (socket) =>
        engine.accept(socket, { listener: 'tcp:server', zone: 'server' }),
      ),
    );
    const api = createApi({
      core,
      apiKey,
      apiSecret,
      ports: () => ({ mqttPort, serverPort }),
      fault: () => fault,
    });
    const apiPort = open(serveApi(host, options.apiPort ?? 0, api.fetch));
    return {
      mqttPort,
      serverPort,
      apiPort,
      mqttUrl: `mqtt://${reachable(options.mqttHost ?? host)}:${mqttPort}`,
      serverUrl: `mqtt://${reachable(host)}:${serverPort}`,
      apiUrl: `http://${reachable(host)}:${apiPort}/api/v5`,
      close: closeAll,
      dropConnections: () => core.dropConnections(),
      failApi: (next) => {
        fault = next;
      },
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/** What listens everywhere is reached on the machine itself. */
function reachable(host: string): string {
  return host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
}
