/**
 * Which protocol a client of the proxy port speaks, by its first octet. Pure.
 */

/** `tls` is told apart only to say in the log what was wrong: a program that took the port for an https:// proxy. */
export type ClientProtocol = 'socks5' | 'socks4' | 'http' | 'tls' | 'unknown'

/** Methods are upper-case tokens in practice (RFC 9110 section 9.1); anything else is refused unread. */
const UPPER_A = 0x41
const UPPER_Z = 0x5a
/** TLS record type "handshake" (RFC 8446 section 5.1). */
const TLS_HANDSHAKE = 0x16

/** @param first first octet that the client sent. */
export function detectProtocol(first: number): ClientProtocol {
  if (first === 5) return 'socks5'
  if (first === 4) return 'socks4'
  if (first >= UPPER_A && first <= UPPER_Z) return 'http'
  return first === TLS_HANDSHAKE ? 'tls' : 'unknown'
}
