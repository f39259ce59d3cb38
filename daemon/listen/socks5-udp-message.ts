/**
 * Datagrams between a SOCKS5 client and the relay, as bytes (RFC 1928 section 7). Pure: no socket, no clock.
 *
 *   reserved(2) = 0 │ fragment(1) = 0 │ address type(1) │ address │ port(2) │ payload
 */
import { parseAddress } from '#lib/net/address'
import { err, ok, type Result } from '#lib/result'
import { type DestinationError, parseDestination } from './socks5-message.ts'

/** A datagram as the client wrote it; nothing here has been resolved or allowed. */
export type SocksDatagram = {
  /** Canonical host name or IP literal. */
  readonly host: string
  /** 1-65535. */
  readonly port: number
  /** A view of the input. */
  readonly payload: Uint8Array
}

/** Why a datagram is dropped. Fragments are optional, and who does not put them together drops them (section 7). */
export type SocksDatagramError =
  | { readonly reason: 'malformed' }
  | { readonly reason: 'fragment' }
  | { readonly reason: Exclude<DestinationError['reason'], 'incomplete'> }

/** Parses one datagram, which is neither kept nor changed. Never throws, for any input. */
export function parseSocksDatagram(input: Uint8Array): Result<SocksDatagram, SocksDatagramError> {
  const [first, second, fragment] = input
  if (first !== 0 || second !== 0 || fragment === undefined) return err({ reason: 'malformed' })
  if (fragment !== 0) return err({ reason: 'fragment' })
  const found = parseDestination(input)
  if (found.ok) {
    const { host, port, size } = found.value
    return ok({ host, port, payload: input.subarray(size) })
  }
  const { reason } = found.error
  return err({ reason: reason === 'incomplete' ? 'malformed' : reason })
}

/**
 * The header of datagrams from this host and port; the payload follows it.
 * @param host canonical, as `parseSocksDatagram` gave it: programs look for the destination that they wrote.
 */
export function printSocksHeader(host: string, port: number): Uint8Array {
  const address = parseAddress(host)
  const octets = address.ok ? address.value.bytes : Buffer.from(host, 'latin1')
  const type = address.ok ? (octets.length === 4 ? [1] : [4]) : [3, octets.length]
  return Uint8Array.of(0, 0, 0, ...type, ...octets, port >> 8, port & 0xff)
}
