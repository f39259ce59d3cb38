/** Where a redirected connection was going to, as netfilter's connection tracking remembers it. */
import type { Socket } from 'node:net'
import { addressFromBytes, type IpAddress } from '#lib/net/address'
import { socketOptionReader } from '../socket-option-os.ts'

export type Destination = { readonly address: IpAddress; readonly port: number }

/** The original destination of an accepted connection; undefined when there is none to be known. */
export type OriginalDestination = (socket: Socket) => Destination | undefined

// linux/netfilter_ipv4.h: SO_ORIGINAL_DST; netfilter_ipv6/ip6_tables.h: IP6T_SO_ORIGINAL_DST
const ORIGINAL_DESTINATION = 80
/** SOL_IP and SOL_IPV6; struct sockaddr_in and sockaddr_in6: family, port, then the address (IPv6: after the flow label). */
const V4 = { level: 0, octets: 16, from: 4, to: 8 }
const V6 = { level: 41, octets: 28, from: 8, to: 24 }
const PORT_AT = 2
const MAPPED = '::ffff:'

/** undefined where koffi is missing. */
export function originalDestinationLookup(): OriginalDestination | undefined {
  const readOption = socketOptionReader()
  if (readOption === undefined) return undefined
  const longest = Buffer.alloc(V6.octets)
  return (socket) => {
    const isV6 = socket.remoteFamily === 'IPv6' && !socket.remoteAddress?.startsWith(MAPPED)
    const { level, octets, from, to } = isV6 ? V6 : V4
    const value = longest.subarray(0, octets)
    if (!readOption(socket, { level, name: ORIGINAL_DESTINATION }, value)) return undefined
    const address = addressFromBytes(Uint8Array.from(value.subarray(from, to)))
    return { address, port: value.readUInt16BE(PORT_AT) }
  }
}
