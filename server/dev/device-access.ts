import { type Clock, sleep } from '../src/platform/clock.ts';
import type { Random } from '../src/platform/random.ts';
import type { DeviceEvent } from './device-events.ts';
import { type CallResult, findBroker, requestToken } from './device-http.ts';
import { afterFailure } from './device-waits.ts';

export interface Token {
  readonly text: string;
  readonly username: string;
  /** Unix milliseconds. */
  readonly renewAt: number;
  readonly expiresAt: number;
}

interface AccessOptions {
  readonly server: string;
  readonly uuid: string;
  /** Device key or role secret. */
  readonly credential: string;
  readonly tls?: boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: (event: DeviceEvent) => void;
  readonly signal: AbortSignal;
}

/** What a device gets over HTTP: its token and where the broker is. Failed requests wait as docs/protocol.md asks for. */
export interface Access {
  /** Nothing when there is none, or it has expired. */
  token(): Token | undefined;
  dropToken(): void;
  brokerUrl(): string | undefined;
  forgetBroker(): void;
  /** By the token it has, else by the device's own credential. `signal` ends the wait after a failure. */
  obtainToken(signal?: AbortSignal): Promise<void>;
  obtainBrokerUrl(by: Token): Promise<void>;
}

const RENEW_SHARE = 0.8;

export function createAccess(options: AccessOptions): Access {
  const { server, uuid, clock, random, emit } = options;
  let token: Token | undefined;
  let brokerUrl: string | undefined;
  let failures = 0;

  const validToken = () => (token && token.expiresAt > clock.now() ? token : undefined);

  /** The answer of a request, or nothing when it failed: then the wait is over as well. */
  async function request<Answer>(
    call: () => Promise<CallResult<Answer>>,
    byToken: boolean,
    signal: AbortSignal,
  ): Promise<Answer | undefined> {
    const result = await call();
    if (result.ok) {
      failures = 0;
      return result.answer;
    }
    const { waitMs, dropToken } = afterFailure(result.failure, byToken, failures++, random);
    if (dropToken) token = undefined;
    emit({ type: 'failure', failure: result.failure, waitMs });
    await sleep(clock, waitMs, signal);
    return undefined;
  }

  return {
    token: validToken,
    dropToken() {
      token = undefined;
    },
    brokerUrl: () => brokerUrl,
    forgetBroker() {
      brokerUrl = undefined;
    },
    async obtainToken(signal = options.signal) {
      const now = clock.now();
      const old = validToken()?.text;
      const call = () => requestToken(server, uuid, old ?? options.credential);
      const got = await request(call, old !== undefined, signal);
      if (!got) return;
      const lifetimeMs = got.x * 1000;
      token = {
        text: got.t,
        username: got.u,
        renewAt: now + lifetimeMs * RENEW_SHARE,
        expiresAt: now + lifetimeMs,
      };
      emit({ type: 'token', username: got.u, expiresInSeconds: got.x });
    },
    async obtainBrokerUrl(by) {
      const got = await request(() => findBroker(server, by.text), true, options.signal);
      if (!got) return;
      const tls = options.tls ? got.tls : undefined;
      brokerUrl = tls === undefined ? `mqtt://${got.ip}` : `mqtts://${tls}`;
      emit({ type: 'broker', address: tls ?? got.ip });
    },
  };
}
