/**
 * Ping between device and target. In the tunnel a message has the numbers of ICMPv4 and no checksum, whatever version
 * carries it further (docs/reference/tunnel.md):
 *
 *   type 8 request, 0 reply | code 0    | checksum 0 | identifier | sequence | data
 *   type 3 or 11            | its code  | checksum 0 | 0, MTU     | the first 8 octets of the request it is about
 *
 * Towards the target the kernel writes identifier and checksum.
 */

/** What a frame of 9000 octets takes behind an IPv4 header. */
export const ECHO_LIMIT = 8980
const HEADER_OCTETS = 8
const IDENTIFIER_AT = 4
const MTU_AT = 6
const REQUEST = 8
const REPLY = 0
const UNREACHABLE = 3
const FRAGMENTATION_NEEDED = 4
const TIME_EXCEEDED = 11
/** RFC 4443. */
const V6 = { request: 128, reply: 129, unreachable: 1, packetTooBig: 2, timeExceeded: 3 }
/** By how much an IPv6 header is longer. */
const V6_HEADER_MORE = 20

/** What a router or the target said of a request, by the numbers of the version that carried it. */
export type EchoError = {
  readonly type: number
  readonly code: number
  /** Where that is what it tells, octets. */
  readonly mtu: number
  /** The request it is about, as it was sent. */
  readonly about: Uint8Array
}

/** The messages of one flow, which has one identifier: that of its first request. */
export interface EchoTranslation {
  /** For the target; undefined for what is no request of this flow, or too long. */
  request(message: Uint8Array): Buffer | undefined
  /** For the device; undefined for what is no reply. */
  reply(message: Uint8Array): Buffer | undefined
  /** For the device; undefined for what it need not know. */
  error(error: EchoError): Buffer | undefined
}

/** @param version of what carries the messages to the target. */
export function createEchoTranslation(version: 4 | 6): EchoTranslation {
  const numbers = version === 4 ? { request: REQUEST, reply: REPLY } : V6
  let identifier: Buffer | undefined

  /** A copy with another type and this flow's identifier. */
  function neutral(type: number, message: Uint8Array): Buffer | undefined {
    if (identifier === undefined) return undefined
    const copy = headed(type, message)
    copy.set(identifier, IDENTIFIER_AT)
    return copy
  }

  return {
    request(message) {
      if (!isEcho(message, REQUEST) || message.length > ECHO_LIMIT) return undefined
      const stated = Buffer.from(message.subarray(IDENTIFIER_AT, IDENTIFIER_AT + 2))
      identifier ??= stated
      return identifier.equals(stated) ? headed(numbers.request, message) : undefined
    },
    reply: (message) => (isEcho(message, numbers.reply) ? neutral(REPLY, message) : undefined),
    error(error) {
      const told = version === 4 ? fromV4(error) : fromV6(error)
      if (told === undefined || !isEcho(error.about, numbers.request)) return undefined
      const about = neutral(REQUEST, error.about.subarray(0, HEADER_OCTETS))
      if (about === undefined) return undefined
      const head = Buffer.from([told.type, told.code, 0, 0, 0, 0, 0, 0])
      head.writeUInt16BE(Math.min(Math.max(told.mtu, 0), 0xffff), MTU_AT)
      return Buffer.concat([head, about])
    },
  }
}

function isEcho(message: Uint8Array, type: number): boolean {
  return message.length >= HEADER_OCTETS && message[0] === type && message[1] === 0
}

function headed(type: number, message: Uint8Array): Buffer {
  const copy = Buffer.from(message)
  copy.writeUInt8(type, 0)
  copy.writeUInt16BE(0, 2)
  return copy
}

type Told = Pick<EchoError, 'type' | 'code' | 'mtu'>

function fromV4({ type, code, mtu }: EchoError): Told | undefined {
  if (type === TIME_EXCEEDED) return { type, code, mtu: 0 }
  if (type !== UNREACHABLE) return undefined
  return { type, code, mtu: code === FRAGMENTATION_NEEDED ? mtu : 0 }
}

/** Codes of ICMPv4 for those of ICMPv6 unreachable; else "host unreachable" (RFC 7915 section 5.2). */
const V4_CODES: Readonly<Record<number, number>> = { 1: 10, 4: 3 }

function fromV6({ type, code, mtu }: EchoError): Told | undefined {
  switch (type) {
    case V6.unreachable:
      return { type: UNREACHABLE, code: V4_CODES[code] ?? 1, mtu: 0 }
    case V6.packetTooBig:
      return { type: UNREACHABLE, code: FRAGMENTATION_NEEDED, mtu: mtu - V6_HEADER_MORE }
    case V6.timeExceeded:
      return { type: TIME_EXCEEDED, code, mtu: 0 }
    default:
      return undefined
  }
}
