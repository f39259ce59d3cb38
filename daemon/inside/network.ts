/** The network that a program inside has: everything goes into one device. Pure. */
import { type IpAddress, parseAddress } from '#lib/net/address'

export const DEVICE = 'zt0'

/** For the kernel's own stack: each with the next one (RFC 2544; unique local). */
const OWN = { 4: '198.18.255.253', 6: 'fdb4:5e1c:907b::1' } as const
export type Family = keyof typeof OWN
/** Where the resolver is asked; beside those. */
export const RESOLVER = '198.18.255.249'
/** libuv reads 65,536 octets at once: a longer packet would be cut. */
const GSO_OCTETS = 65_000
/** The most an IP packet has: long datagrams come whole, not in fragments, which are dropped. */
const MTU_OCTETS = 65_535

/** Lines of `ip -batch`, by family. */
export const NETWORK_LINES = {
  4: [
    'link set lo up',
    `link set ${DEVICE} mtu ${MTU_OCTETS} gso_max_size ${GSO_OCTETS}`,
    `address add ${OWN[4]}/30 dev ${DEVICE}`,
    `link set ${DEVICE} up`,
    `route add default dev ${DEVICE}`,
  ],
  6: [`address add ${OWN[6]}/126 dev ${DEVICE} nodad`, `route add default dev ${DEVICE}`],
} as const

/** Addresses of the device. */
export function ownAddresses(families: readonly Family[]): readonly IpAddress[] {
  return families.map((family) => addressOf(OWN[family]))
}

/** Where programs ask for names. */
export function resolverAddress(): IpAddress {
  return addressOf(RESOLVER)
}

function addressOf(text: string): IpAddress {
  const parsed = parseAddress(text)
  if (!parsed.ok) throw new Error(text)
  return parsed.value
}
