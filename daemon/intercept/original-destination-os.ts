/** Where a redirected connection was going to, as netfilter's connection tracking remembers it. */
import type { Socket } from 'node:net'
import { loadKoffi } from '#lib/koffi-os'
import { addressFromBytes, type IpAddress } from '#lib/net/address'

export type Destination = { readonly address: IpAddress; readonly port: number }

/** The original destination of an accepted connection; undefined when there is none to be known. */
export type OriginalDestination = (socket: Socket) => Destination | undefined

// linux/netfilter_ipv4.h: SO_ORIGINAL_DST; netfilter_ipv6/ip6_tables.h: IP6T_SO_ORIGINAL_DST
const ORIGINAL_DESTINATION = 80
const SOL_IP = 0
const SOL_IPV6 = 41
/** struct sockaddr_in and sockaddr_in6: family, port, then the address (IPv6: after the flow label). */
const V4 = { octets: 16, from: 4, to: 8 }
const V6 = { octets: 28, from: 8, to: 24 }
const PORT_AT = 2
const MAPPED = '::ffff:'

/** undefined where koffi is missing. */
export function originalDestinationLookup(): OriginalDestination | undefined {
  const getsockopt: ((...args: unknown[]) => number) | undefined = loadKoffi()
    ?.load(null)
    .func(
      'int getsockopt(int fd, int level, int name, _Out_ uint8_t *value, _Inout_ uint32_t *length)',
    )
  if (getsockopt === undefined) return undefined
  const value = Buffer.alloc(V6.octets)
  return (socket) => {
    const { _handle: handle } = socket as unknown as { readonly _handle?: { readonly fd?: number } }
    const isV6 = socket.remoteFamily === 'IPv6' && !socket.remoteAddress?.startsWith(MAPPED)
    const { octets, from, to } = isV6 ? V6 : V4
    const level = isV6 ? SOL_IPV6 : SOL_IP
    const code = getsockopt(handle?.fd ?? -1, level, ORIGINAL_DESTINATION, value, [octets])
    if (code !== 0) return undefined
    const address = addressFromBytes(Uint8Array.from(value.subarray(from, to)))
    return { address, port: value.readUInt16BE(PORT_AT) }
  }
}
