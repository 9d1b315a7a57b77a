import { isIP } from 'node:net';
import type { Context } from 'hono';
import { getConnInfo } from 'hono/bun';

/**
 * The address of the client as the outermost *trusted* hop saw it. Each trusted proxy appends the address of its own
 * peer to `X-Forwarded-For`, so with n trusted hops the n-th entry from the right is the first that no client could have
 * written. A header with fewer entries, or with something else in that place, did not pass through all of them, and the
 * peer's own address counts.
 */
export function clientIp(c: Context, trustedHops: number): string {
  const peer = normalizeIp(getConnInfo(c).remote.address ?? 'unknown');
  if (trustedHops === 0) return peer;
  const forwarded = c.req.header('x-forwarded-for')?.split(',') ?? [];
  const address = normalizeIp(forwarded[forwarded.length - trustedHops]?.trim() ?? '');
  return isIP(address) === 0 ? peer : address;
}

/** What a limiter counts under: an IPv4 address, or the /64 network of an IPv6 one, which one subscriber owns whole. */
export function ipNetwork(ip: string): string {
  if (!ip.includes(':')) return ip;
  const [head = '', tail] = ip.split('::');
  const left = head.split(':').filter(Boolean);
  const right = (tail ?? '').split(':').filter(Boolean);
  const groups =
    tail === undefined
      ? left
      : [...left, ...Array(Math.max(0, 8 - left.length - right.length)).fill('0'), ...right];
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}

function normalizeIp(ip: string): string {
  const address = ip
    .toLowerCase()
    .replace(/^\[(.*)\](:\d+)?$/, '$1')
    .replace(/%.*$/, '');
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(address)?.[1] ?? address;
  return mapped.replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, '$1');
}
