/** A listener as REST shows and switches it. */
export interface BrokerListener {
  readonly id: string;
  readonly type: 'tcp' | 'ssl';
  readonly name: string;
  readonly bind: string;
  readonly zone: string;
  running: boolean;
}

/**
 * The listeners of the image. A stopped one keeps its port and closes whoever connects, so that the port is still
 * free when it is started. `ssl:default` can be switched, but TLS is not spoken.
 */
export class Listeners {
  private readonly listeners: readonly BrokerListener[];

  /** `devicesOpen` is whether the device listener is open at a boot. */
  constructor(ports: { mqttPort: number; serverPort: number }, devicesOpen: boolean) {
    const { mqttPort, serverPort } = ports;
    this.listeners = [
      describe('tcp', 'default', mqttPort, 'default', devicesOpen),
      describe('tcp', 'server', serverPort, 'server', true),
      describe('ssl', 'default', 8883, 'default', false),
    ];
  }

  list(): readonly BrokerListener[] {
    return this.listeners;
  }

  get(id: string): BrokerListener | undefined {
    return this.listeners.find((listener) => listener.id === id);
  }

  isRunning(id: string): boolean {
    return this.get(id)?.running === true;
  }

  boot(devicesOpen: boolean): void {
    for (const listener of this.listeners) {
      listener.running = listener.id === 'tcp:server' || (listener.id === 'tcp:default' && devicesOpen);
    }
  }
}

function describe(
  type: BrokerListener['type'],
  name: string,
  port: number,
  zone: string,
  running: boolean,
): BrokerListener {
  return { id: `${type}:${name}`, type, name, bind: `0.0.0.0:${port}`, zone, running };
}
