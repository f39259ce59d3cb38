/** The protocol a client speaks, by its first octets. A hint for rules that name a protocol, never an identity. */
import type { ApplicationProtocol } from '../policy/facts.ts'

/** Identification string (RFC 4253 section 4.2). */
const SSH = /^SSH-/
/** Handshake record of any TLS version (RFC 8446 section 5.1): type 22, legacy version 3.x. */
const TLS_RECORD = { type: 22, major: 3, newestMinor: 4 }
/** A method and a space (RFC 9112 section 3), or the HTTP/2 preface (RFC 9113 section 3.4). */
const HTTP = /^(?:GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH|PROPFIND|PRI) /

/**
 * @param octets the first few octets of one end.
 * @returns the protocol; `unknown` for anything else, and for too few octets to tell.
 */
export function protocolOf(octets: Uint8Array): ApplicationProtocol {
  if (isTls(octets)) return 'tls'
  const text = Buffer.from(octets).toString('latin1')
  if (SSH.test(text)) return 'ssh'
  return HTTP.test(text) ? 'http' : 'unknown'
}

function isTls([type, major, minor]: Uint8Array): boolean {
  const { newestMinor } = TLS_RECORD
  return (
    type === TLS_RECORD.type &&
    major === TLS_RECORD.major &&
    minor !== undefined &&
    minor <= newestMinor
  )
}
