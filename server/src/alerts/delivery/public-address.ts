import ipaddr from 'ipaddr.js';

/** What is routed on the Internet (RFC 4291, section 2.4); everything outside is special or not assigned. */
const GLOBAL_IPV6 = ipaddr.parseCIDR('2000::/3');

/**
 * Whether an IP address is one of the public Internet: not private, loopback, link-local, shared, reserved or multicast, and
 * no form of IPv6 that leads to such an IPv4 address (mapped, 6to4, Teredo, NAT64).
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  if (parsed.range() !== 'unicast') return false;
  return parsed.kind() === 'ipv4' || parsed.match(GLOBAL_IPV6);
}
