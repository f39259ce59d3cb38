/**
 * ICMP in frames (RFC 792, RFC 4443): echo, and the errors that refuse a datagram. A neutral echo message has ICMPv4's
 * numbers and no checksum, whatever version carries it.
 */
import { err, ok, type Result } from '#lib/result'
import { checksumOf, sumWords } from './checksum.ts'
import type { DropReason } from './intercept-counters.ts'
import {
  ICMP,
  ICMP6,
  type IpPacket,
  isTransportIntact,
  newPacket,
  pseudoSum,
  VIRTIO_OCTETS,
} from './ip-packet.ts'

export const ICMP_HEADER_OCTETS = 8
const ECHO_REPLY = 0
const UNREACHABLE = 3
const ECHO_REQUEST = 8
const TIME_EXCEEDED = 11
const V6_ECHO_REQUEST = 128
const V6_ECHO_REPLY = 129
const V6_TIME_EXCEEDED = 3
const V6_UNREACHABLE = 1
/** Octets of the refused packet that an error quotes behind its IP header: ports, or identifier and sequence. */
const QUOTED_OCTETS = 8

/** An error by ICMPv4's numbers. */
export type IcmpError = { readonly type: number; readonly code: number }
export const HOST_UNREACHABLE: IcmpError = { type: UNREACHABLE, code: 1 }
export const PORT_UNREACHABLE: IcmpError = { type: UNREACHABLE, code: 3 }
export const PROHIBITED: IcmpError = { type: UNREACHABLE, code: 13 }

/** ICMPv6 codes of unreachable for those of ICMPv4 that differ from "no route" (RFC 7915 section 4.2). */
const V6_CODES: Readonly<Record<number, number>> = { 1: 3, 3: 4, 9: 1, 10: 1, 13: 1 }

/** Whether a packet is ICMP of its own version. */
export function isIcmp({ version, protocol }: IpPacket): boolean {
  return protocol === (version === 4 ? ICMP : ICMP6)
}

/** A copy of an echo request as a neutral message. Never throws. */
export function parseEcho(packet: IpPacket): Result<Buffer, DropReason> {
  const { frame, version, transportAt: at, end } = packet
  if (end - at < ICMP_HEADER_OCTETS) return err('malformed')
  const request = version === 4 ? ECHO_REQUEST : V6_ECHO_REQUEST
  if (frame[at] !== request || frame[at + 1] !== 0) return err('icmp_type')
  if (version === 4 ? !isV4Intact(packet) : !isTransportIntact(packet)) return err('bad_checksum')
  const message = Buffer.from(frame.subarray(at, end))
  message.writeUInt8(ECHO_REQUEST, 0)
  message.writeUInt16BE(0, 2)
  return ok(message)
}

/** ICMPv4 has no pseudo header. */
function isV4Intact({ frame, transportAt, end }: IpPacket): boolean {
  return checksumOf(sumWords(frame, transportAt, end)) === 0
}

/** Between which addresses. */
export type IcmpPath = {
  readonly version: 4 | 6
  /** Source, then destination. */
  readonly addresses: Uint8Array
}

/** The frame of an echo reply from a neutral message; undefined when that is no reply, or too long. */
export function printEchoReply(path: IcmpPath, message: Uint8Array): Buffer | undefined {
  if (message.length < ICMP_HEADER_OCTETS || message[0] !== ECHO_REPLY) return undefined
  return print(path, path.version === 4 ? ECHO_REPLY : V6_ECHO_REPLY, 0, message.subarray(4))
}

/** The error that a neutral message tells, if it does. */
export function errorOf(message: Uint8Array): IcmpError | undefined {
  const [type, code] = message
  if (code === undefined || message.length < ICMP_HEADER_OCTETS) return undefined
  return type === UNREACHABLE || type === TIME_EXCEEDED ? { type, code } : undefined
}

/** What an error quotes of a packet: a copy of its IP header and the first octets behind. */
export function quoteOf({ frame, transportAt, end }: IpPacket): Buffer {
  return Buffer.from(frame.subarray(VIRTIO_OCTETS, Math.min(end, transportAt + QUOTED_OCTETS)))
}

/** The frame of an error about the packet that is quoted. */
export function printError(
  path: IcmpPath,
  { type, code }: IcmpError,
  quote: Uint8Array,
): Buffer | undefined {
  const body = Buffer.alloc(4 + quote.length)
  body.set(quote, 4)
  if (path.version === 4) return print(path, type, code, body)
  if (type === TIME_EXCEEDED) return print(path, V6_TIME_EXCEEDED, code, body)
  return print(path, V6_UNREACHABLE, V6_CODES[code] ?? 0, body)
}

/** @param rest what follows the checksum. */
function print(
  { version, addresses }: IcmpPath,
  type: number,
  code: number,
  rest: Uint8Array,
): Buffer | undefined {
  const protocol = version === 4 ? ICMP : ICMP6
  const packet = newPacket({ version, addresses, protocol, octets: 4 + rest.length })
  if (packet === undefined) return undefined
  const { frame, transportAt: at, end } = packet
  frame.writeUInt8(type, at)
  frame.writeUInt8(code, at + 1)
  frame.writeUInt16BE(0, at + 2)
  frame.set(rest, at + 4)
  const pseudo = version === 4 ? 0 : pseudoSum(packet, end - at)
  frame.writeUInt16BE(checksumOf(pseudo + sumWords(frame, at, end)), at + 2)
  return frame
}
