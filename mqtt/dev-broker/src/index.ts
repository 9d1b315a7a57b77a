import { createApi } from './api/app.ts';
import { readAuthenticator } from './api/authentication.ts';
import { readSource, settingsSchema } from './api/authorization.ts';
import { serveApi } from './api/serve.ts';
import { type Clock, systemClock, type Timer } from './clock.ts';
import { Configuration } from './configuration/configuration.ts';
import { mergeTrees, parseHocon } from './configuration/hocon.ts';
import { type Profile, readProfile } from './configuration/profile.ts';
import { BrokerCore } from './core.ts';
import { type ApiFault, ApiFaults, type CallFilter } from './faults.ts';
import { Listeners } from './listeners.ts';
import { acceptSocket } from './mqtt/accept.ts';
import type { ListenerIdentity } from './mqtt/connection.ts';
import { type Listener, listen } from './mqtt/listener.ts';
import { SubackGate } from './mqtt/suback-gate.ts';

export { type Clock, systemClock, type Timer } from './clock.ts';
export type { Profile } from './configuration/profile.ts';
export type { ApiFault, CallFilter } from './faults.ts';
export type { PortInUseError } from './port-in-use.ts';

/** What a boot is like; each value holds for that boot alone. */
export interface BootOptions {
  /**
   * For how long after the start CONNECT is accepted whatever the credentials, as by an EMQX that has not hooked in its
   * authentication; `held` is until `hookAuthentication()`. 0 by default. REST answers 503 meanwhile.
   */
  openAtBootMs?: number | 'held';
  /**
   * The device listener at a boot: `closed` as the image has it, until `POST /listeners/tcp:default/start`; `open` as EMQX
   * itself has it. The profile's own by default.
   */
  deviceListener?: 'open' | 'closed';
  /** HOCON laid over the image's `base.hocon`, as another version of the image would have it. Frozen by a change by REST. */
  baseConfig?: string;
}

/** What a kill loses that a stop keeps. */
export interface Loss {
  /** The newest bans, so many of them. */
  bans?: number;
}

export interface DevBrokerOptions extends BootOptions {
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
  /** How long `inflight_cnt` and `mqueue_len` lag behind after a disconnect; 0 by default. */
  statsLagMs?: number;
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

  /** Stops as EMQX does: connections, sessions and queues are gone, what is configured stays. Ports stay taken. */
  stop(loss?: Loss): void;
  /** Starts again after `stop`. */
  boot(options?: BootOptions): Promise<void>;
  /** `stop` and `boot`. */
  restart(options?: BootOptions & { loss?: Loss }): Promise<void>;
  /** Ends the time for which `openAtBootMs: 'held'` accepts every CONNECT. */
  hookAuthentication(): void;

  /** Cuts every MQTT connection; sessions stay as they would after a network failure. */
  dropConnections(): void;
  /** Makes REST, or the calls that are picked, hang or answer with a status, until null puts it right. */
  failApi(fault: ApiFault | null, calls?: CallFilter): void;
  /** Ends a session with its queue, without an event, as `force_shutdown` does; false when there is none. */
  killSession(clientId: string): boolean;
  /** The next so many retained messages are acknowledged and not stored, as those above `max_publish_rate`. */
  swallowRetained(count: number): void;
  /** Holds SUBACKs back, so that messages overtake them, until the function that is returned is called. */
  holdSubacks(): () => void;
  /** From now on a take-over gives so many messages again that had been acknowledged, at most 64. */
  redeliverAcknowledged(count: number): void;
}

/** Starts a broker. A taken port rejects with `code` EADDRINUSE and `port`. */
export async function startDevBroker(options: DevBrokerOptions): Promise<DevBroker> {
  const { host = '127.0.0.1', apiKey, apiSecret, clock = systemClock } = options;
  const { profile = 'image' } = options;
  const base = await readProfile(profile);
  const listenerAtBoot = profile === 'image' ? 'closed' : 'open';
  const core = new BrokerCore({
    clock,
    configuration: new Configuration(await withBaseConfig(options.baseConfig)),
    settings: settingsSchema.parse(base.authorization),
    sources: base.sources.map(readSource),
  });
  for (const authenticator of base.authenticators) core.chain.append(readAuthenticator(authenticator));
  const subacks = new SubackGate();
  const faults = new ApiFaults();
  const opened: Listener[] = [];
  let hookTimer: Timer | undefined;

  async function withBaseConfig(changes: string | undefined) {
    if (changes === undefined) return base.configuration;
    const tree = await parseHocon(changes);
    if (!tree) throw new Error('baseConfig is not HOCON');
    return mergeTrees(base.configuration, tree);
  }

  function open(listener: Listener): number {
    opened.push(listener);
    return listener.port;
  }

  async function listenFor(at: string, port: number, identity: ListenerIdentity): Promise<number> {
    return open(
      await listen(at, port, (socket) => {
        if (core.down || !listeners.isRunning(identity.id)) socket.destroy();
        else acceptSocket(core, subacks, socket, identity);
      }),
    );
  }

  function hook(): void {
    hookTimer?.cancel();
    core.authenticates = true;
  }

  function beginBoot({ openAtBootMs = 0, deviceListener = listenerAtBoot }: BootOptions): void {
    listeners.boot(deviceListener === 'open');
    core.authenticates = openAtBootMs === 0;
    if (typeof openAtBootMs === 'number' && openAtBootMs > 0) {
      hookTimer = clock.setTimer(hook, openAtBootMs);
    }
    core.down = false;
  }

  function stop({ bans = 0 }: Loss = {}): void {
    hook();
    core.shutDown();
    core.bans.loseNewest(bans);
  }

  async function boot(next: BootOptions = {}): Promise<void> {
    core.configuration.boot(await withBaseConfig(next.baseConfig));
    beginBoot(next);
  }

  async function close(): Promise<void> {
    // Listeners first, so that nobody comes back in; they are closed once their connections have ended.
    const closing = opened.toReversed().map((listener) => listener.close());
    stop();
    await Promise.all(closing);
  }

  let listeners = new Listeners({ mqttPort: 0, serverPort: 0 }, false);
  try {
    const mqttHost = options.mqttHost ?? host;
    const mqttPort = await listenFor(mqttHost, options.mqttPort ?? 0, { id: 'tcp:default', zone: 'default' });
    const serverPort = await listenFor(host, options.serverPort ?? 0, { id: 'tcp:server', zone: 'server' });
    listeners = new Listeners({ mqttPort, serverPort }, false);
    beginBoot(options);
    const { statsLagMs = 0 } = options;
    const api = createApi({ core, listeners, apiKey, apiSecret, faults, statsLagMs });
    const apiPort = open(serveApi(host, options.apiPort ?? 0, api.fetch));
    return {
      mqttPort,
      serverPort,
      apiPort,
      mqttUrl: `mqtt://${reachable(mqttHost)}:${mqttPort}`,
      serverUrl: `mqtt://${reachable(host)}:${serverPort}`,
      apiUrl: `http://${reachable(host)}:${apiPort}/api/v5`,
      close,
      stop,
      boot,
      async restart({ loss, ...next } = {}) {
        stop(loss);
        await boot(next);
      },
      hookAuthentication: hook,
      dropConnections: () => core.dropConnections(),
      failApi: (fault, calls) => faults.set(fault, calls),
      killSession: (clientId) => core.killSession(clientId),
      swallowRetained: (count) => core.retained.swallow(count),
      holdSubacks() {
        subacks.hold();
        return () => subacks.release();
      },
      redeliverAcknowledged(count) {
        core.forgottenAcknowledgements = count;
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What listens everywhere is reached on the machine itself. */
function reachable(host: string): string {
  return host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
}
