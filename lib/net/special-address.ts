/**
 * Addresses with a meaning of their own (RFC 6890 registries and cloud metadata services).
 */
import type { IpAddress } from '#lib/net/address'
import { type Prefix, parsePrefix, prefixContains } from '#lib/net/prefix'

const LOOPBACK = prefixes('127.0.0.0/8', '::1/128')
const LINK_LOCAL = prefixes('169.254.0.0/16', 'fe80::/10')
/** Instance metadata: AWS, Azure, Google and OpenStack (IPv4), AWS IPv6, Google IPv6, Oracle, Alibaba, AWS ECS tasks. */
const METADATA = prefixes(
  '169.254.169.254/32',
  '169.254.170.2/32',
  '169.254.170.23/32',
  '192.0.0.192/32',
  '100.100.100.200/32',
  '168.63.129.16/32',
  'fd00:ec2::254/128',
  'fd00:ec2::23/128',
  'fd20:ce::254/128',
)
/** "This host on this network" (RFC 1122): the kernel takes 0.0.0.0 as loopback. */
const UNSPECIFIED = prefixes('0.0.0.0/8', '::/128')
const MULTICAST = prefixes('224.0.0.0/4', 'ff00::/8')
/** 240/4 holds the limited broadcast address; none of it is routed (RFC 1112 section 4). */
const RESERVED = prefixes('240.0.0.0/4')
/** RFC 1918, shared address space of RFC 6598, benchmarking networks of RFC 2544, unique local of RFC 4193. */
const PRIVATE = prefixes(
  '198.18.0.0/15',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  'fc00::/7',
)

/** IPv4 inside IPv6: compatible (deprecated), NAT64 (RFC 6052, RFC 8215), 6to4 (RFC 3056), Teredo (RFC 4380). */
const TRANSLATED = prefixes('::/96', '64:ff9b::/96', '64:ff9b:1::/48', '2002::/16', '2001::/32')

/** 127.0.0.0/8 or ::1. */
export function isLoopback(address: IpAddress): boolean {
  return within(LOOPBACK, address)
}

/** 169.254.0.0/16 or fe80::/10. */
export function isLinkLocal(address: IpAddress): boolean {
  return within(LINK_LOCAL, address)
}

/** An address at which a cloud hands out credentials of the machine. */
export function isMetadata(address: IpAddress): boolean {
  return within(METADATA, address)
}

/** 0.0.0.0/8 or ::. */
export function isUnspecified(address: IpAddress): boolean {
  return within(UNSPECIFIED, address)
}

/** A group, not a host. */
export function isMulticast(address: IpAddress): boolean {
  return within(MULTICAST, address)
}

/** 240.0.0.0/4 with the broadcast address 255.255.255.255. */
export function isReserved(address: IpAddress): boolean {
  return within(RESERVED, address)
}

/** RFC 1918, RFC 6598 or unique local: an address that means something else in every network. */
export function isPrivate(address: IpAddress): boolean {
  return within(PRIVATE, address)
}

/** An IPv6 address that a translator on the path would deliver to an IPv4 address nobody decided on. */
export function isTranslated(address: IpAddress): boolean {
  return within(TRANSLATED, address)
}

function within(list: readonly Prefix[], address: IpAddress): boolean {
  return list.some((prefix) => prefixContains(prefix, address))
}

function prefixes(...texts: string[]): readonly Prefix[] {
  return texts.map(onePrefix)
}

function onePrefix(text: string): Prefix {
  const parsed = parsePrefix(text)
  if (!parsed.ok) throw new Error(`${text}: ${parsed.error.reason}`)
  return parsed.value
}
