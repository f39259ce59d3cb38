/** The network that a program inside has: everything goes into one device. Pure. */
import { type IpAddress, parseAddress } from '#lib/net/address'
import { TUN_LINK, TUN_OWN } from '../intercept/tun-link.ts'

export const DEVICE = 'zt0'

export type Family = keyof typeof TUN_OWN
/** Where the resolver is asked; beside those. */
export const RESOLVER = '198.18.255.249'

/** Lines of `ip -batch`, by family. */
export const NETWORK_LINES = {
  4: [
    'link set lo up',
    `link set ${DEVICE} ${TUN_LINK}`,
    `address add ${lengthened(4)} dev ${DEVICE}`,
    `link set ${DEVICE} up`,
    `route add default dev ${DEVICE}`,
  ],
  6: [`address add ${lengthened(6)} dev ${DEVICE} nodad`, `route add default dev ${DEVICE}`],
} as const

function lengthened(family: Family): string {
  const { address, length } = TUN_OWN[family]
  return `${address}/${length}`
}

/** Addresses of the device. */
export function ownAddresses(families: readonly Family[]): readonly IpAddress[] {
  return families.map((family) => addressOf(TUN_OWN[family].address))
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
