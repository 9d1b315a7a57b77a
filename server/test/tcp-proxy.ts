import { connect, createServer, type Server, type Socket } from 'node:net';
import { reservePort } from './ports.ts';

/** A TCP port in front of another one, whose connections a test can cut, stall or refuse. */
export interface TcpProxy {
  readonly port: number;
  /** Connections that are open now. */
  connections(): number;
  /** Pieces that are held back now. */
  held(): number;
  /** Bytes go through, those held back meanwhile first. */
  pass(): Promise<void>;
  /** Ends all connections; new ones are taken. */
  cut(): void;
  /** Keeps connections, and takes new ones, but no byte goes through. */
  stall(): void;
  /** What clients send goes through, what they are answered does not. */
  holdAnswers(): void;
  /** The connections that are open now stay open, but no byte goes through them any more; new ones work. */
  swallow(): void;
  /** Ends all connections and takes no new one. */
  refuse(): Promise<void>;
  close(): Promise<void>;
}

interface ProxyOptions {
  /** The port of this machine behind the proxy, asked for at each connection. */
  readonly target: () => number;
  /** Sees what the client of one connection sends. */
  readonly observe?: () => (bytes: Buffer) => void;
}

export async function startTcpProxy(options: ProxyOptions): Promise<TcpProxy> {
  const pairs = new Set<{ end(): void; flush(): void; swallow(): void; held(): number }>();
  let stalled = false;
  let answersHeld = false;
  let server: Server | undefined;

  function accept(client: Socket): void {
    const target = connect({ host: '127.0.0.1', port: options.target() });
    const observe = options.observe?.();
    const held: (() => void)[] = [];
    let swallows = false;
    const forward = (to: Socket, bytes: Buffer) => {
      if (swallows) return;
      if (stalled || (answersHeld && to === client)) held.push(() => to.write(bytes));
      else to.write(bytes);
    };
    const pair = {
      end() {
        pairs.delete(pair);
        client.destroy();
        target.destroy();
      },
      flush() {
        for (const write of held.splice(0)) write();
      },
      swallow() {
        swallows = true;
      },
      held: () => held.length,
    };
    pairs.add(pair);
    client.on('data', (bytes: Buffer) => {
      observe?.(bytes);
      forward(target, bytes);
    });
    target.on('data', (bytes: Buffer) => forward(client, bytes));
    for (const socket of [client, target]) {
      socket.setNoDelay(true);
      socket.on('error', () => pair.end());
      socket.on('close', () => pair.end());
    }
  }

  function listen(port: number): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const listening = createServer(accept);
    listening.once('error', reject);
    listening.listen({ host: '127.0.0.1', port }, () => {
      server = listening;
      const address = listening.address();
      resolve(typeof address === 'object' && address ? address.port : port);
    });
    return promise;
  }

  function cut(): void {
    for (const pair of [...pairs]) pair.end();
  }

  async function refuse(): Promise<void> {
    const closing = server;
    server = undefined;
    const closed = new Promise<void>((resolve) => (closing ? closing.close(() => resolve()) : resolve()));
    cut();
    await closed;
  }

  const port = await listen(reservePort());
  return {
    port,
    connections: () => pairs.size,
    held: () => [...pairs].reduce((sum, pair) => sum + pair.held(), 0),
    async pass() {
      stalled = false;
      answersHeld = false;
      for (const pair of pairs) pair.flush();
      if (!server) await listen(port);
    },
    cut,
    stall() {
      stalled = true;
    },
    holdAnswers() {
      answersHeld = true;
    },
    swallow() {
      for (const pair of pairs) pair.swallow();
    },
    refuse,
    close: refuse,
  };
}
