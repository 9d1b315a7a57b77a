import { lookup } from 'node:dns/promises';
import http from 'node:http';
import https from 'node:https';
import { isIP } from 'node:net';
import type { Clock } from '../../platform/clock.ts';
import { isPublicAddress } from './public-address.ts';

/** What a receiver answered. */
export interface HttpAnswer {
  readonly status: number;
  /** The first 500 characters of the body. */
  readonly text: string;
  /** As it was sent. */
  readonly retryAfter?: string | undefined;
}

/** A target that is not sent to, or that gave no answer. Its message may be shown to operators. */
export class TargetError extends Error {}

export interface HttpPostDeps {
  readonly clock: Clock;
  /** Whether addresses that are not public may be sent to. */
  readonly allowPrivate: boolean;
  /** IP addresses of a host name. */
  readonly resolve?: ((host: string) => Promise<readonly string[]>) | undefined;
}

export type HttpPost = (
  url: string,
  request: { readonly headers: Readonly<Record<string, string>>; readonly body: string },
) => Promise<HttpAnswer>;

/** For the name, the connection and the answer together. */
const LIMIT_MS = 10_000;
const MAX_ANSWER_BYTES = 4_096;
const MAX_ANSWER_CHARACTERS = 500;

/**
 * Posts to addresses that operators give. A name is resolved once, all its addresses are checked, and the connection goes to
 * one of those: a name that leads elsewhere a moment later (DNS rebinding) leads nowhere. `fetch` would resolve it again.
 * Redirects are answers like any other: they are not followed.
 */
export function createHttpPost({ clock, allowPrivate, resolve = resolveAll }: HttpPostDeps): HttpPost {
  return async (address, { headers, body }) => {
    const url = new URL(address);
    const timeout = new AbortController();
    const timer = clock.setTimer(() => timeout.abort(), LIMIT_MS);
    try {
      const addresses = await addressesOf(url, resolve, timeout.signal);
      if (!allowPrivate && !addresses.every(isPublicAddress)) throw notPublic(url);
      return await exchange(url, { headers, body, addresses, signal: timeout.signal });
    } catch (error) {
      if (error instanceof TargetError) throw error;
      if (timeout.signal.aborted) throw new TargetError(`No answer within ${LIMIT_MS / 1000} s.`);
      throw new TargetError(describe(error), { cause: error });
    } finally {
      timer.cancel();
    }
  };
}

/** @throws TargetError for an address in the URL itself that is not public; names are checked when they are resolved. */
export function requirePublicLiteral(address: string): void {
  const url = new URL(address);
  const host = hostOf(url);
  if (isIP(host) !== 0 && !isPublicAddress(host)) throw notPublic(url);
}

function notPublic({ hostname }: URL): TargetError {
  return new TargetError(`${hostname} is not a public address; ALERT_PRIVATE_ADDRESSES allows others.`);
}

function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '');
}

async function addressesOf(
  url: URL,
  resolve: (host: string) => Promise<readonly string[]>,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const host = hostOf(url);
  if (isIP(host) !== 0) return [host];
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => reject(new TargetError(`${host} was not resolved in time.`)), {
    once: true,
  });
  const addresses = await Promise.race([resolve(host), aborted]).catch((error: unknown) => {
    if (error instanceof TargetError) throw error;
    throw new TargetError(`The name ${host} cannot be resolved.`, { cause: error });
  });
  if (addresses.length === 0) throw new TargetError(`The name ${host} has no address.`);
  return addresses;
}

async function resolveAll(host: string): Promise<readonly string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address);
}

interface Exchange {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly addresses: readonly string[];
  readonly signal: AbortSignal;
}

function exchange(url: URL, { headers, body, addresses, signal }: Exchange): Promise<HttpAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
  const request = (url.protocol === 'https:' ? https : http).request(url, {
    method: 'POST',
    agent: false,
    signal,
    headers: {
      ...headers,
      'accept-encoding': 'identity',
      connection: 'close',
      'content-length': String(Buffer.byteLength(body)),
      'user-agent': 'simple-iot-server',
    },
    lookup(_host, options, callback) {
      const found = addresses.map((address) => ({ address, family: isIP(address) }));
      const [first] = found;
      if (options.all) callback(null, found);
      else callback(null, first?.address ?? '', first?.family ?? 4);
    },
  });
  request.once('error', reject);
  request.once('response', (response) => {
    const pieces: Buffer[] = [];
    let size = 0;
    // A body that breaks off, or never ends, changes nothing about the status.
    const finish = () => {
      const text = Buffer.concat(pieces).toString('utf8');
      resolve({
        status: response.statusCode ?? 0,
        text: text.slice(0, MAX_ANSWER_CHARACTERS),
        retryAfter: response.headers['retry-after'],
      });
      request.destroy();
    };
    response.on('data', (piece: Buffer) => {
      pieces.push(piece);
      size += piece.length;
      if (size >= MAX_ANSWER_BYTES) finish();
    });
    for (const event of ['end', 'error', 'close'] as const) response.once(event, finish);
  });
  request.end(body);
  return promise;
}

const FAILURES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'The connection was refused.',
  ConnectionRefused: 'The connection was refused.',
  ECONNRESET: 'The connection was closed before an answer.',
  ConnectionClosed: 'The connection was closed before an answer.',
  ENETUNREACH: 'The network cannot be reached.',
  EHOSTUNREACH: 'The host cannot be reached.',
  ETIMEDOUT: 'The connection timed out.',
};

function describe(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const known = FAILURES[code];
  if (known !== undefined) return known;
  if (/CERT|TLS|SSL|SIGNATURE|ISSUER/.test(code))
    return `The certificate or the TLS handshake failed (${code}).`;
  return code === '' ? 'The connection failed.' : `The connection failed (${code}).`;
}
