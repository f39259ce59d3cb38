/** UDP datagrams in frames (RFC 768). */
import { err, ok, type Result } from '#lib/result'
import type { DropReason } from './intercept-counters.ts'
import {
  hasPartialChecksum,
  type IpPacket,
  isTransportIntact,
  leaveChecksum,
  newPacket,
  UDP,
} from './ip-packet.ts'

export const UDP_HEADER_OCTETS = 8
const CHECKSUM_AT = 6

export type UdpMessage = {
  readonly sourcePort: number
  readonly destinationPort: number
  /** A view of the frame. */
  readonly payload: Buffer
}

/** Reads a UDP packet; never throws. */
export function parseUdp(packet: IpPacket): Result<UdpMessage, DropReason> {
  const { frame, version, transportAt: at, end } = packet
  if (end - at < UDP_HEADER_OCTETS) return err('malformed')
  const destinationPort = frame.readUInt16BE(at + 2)
  if (frame.readUInt16BE(at + 4) !== end - at || destinationPort === 0) return err('malformed')
  // Only IPv4 may go without (RFC 8200 section 8.1).
  const isUnsummed = frame.readUInt16BE(at + CHECKSUM_AT) === 0 && !hasPartialChecksum(frame)
  if (isUnsummed && version === 6) return err('malformed')
  if (!isUnsummed && !isTransportIntact(packet)) return err('bad_checksum')
  const payload = frame.subarray(at + UDP_HEADER_OCTETS, end)
  return ok({ sourcePort: frame.readUInt16BE(at), destinationPort, payload })
}

/** Which way a datagram goes. */
export type UdpPath = {
  readonly version: 4 | 6
  /** Source, then destination. */
  readonly addresses: Uint8Array
  readonly sourcePort: number
  readonly destinationPort: number
}

/** The frame of a datagram; undefined when the payload is longer than IP carries. */
export function printUdp(path: UdpPath, payload: Uint8Array): Buffer | undefined {
  const { version, addresses } = path
  const octets = UDP_HEADER_OCTETS + payload.length
  const packet = newPacket({ version, addresses, protocol: UDP, octets })
  if (packet === undefined) return undefined
  const { frame, transportAt: at } = packet
  frame.writeUInt16BE(path.sourcePort, at)
  frame.writeUInt16BE(path.destinationPort, at + 2)
  frame.writeUInt16BE(octets, at + 4)
  frame.set(payload, at + UDP_HEADER_OCTETS)
  leaveChecksum(packet, CHECKSUM_AT)
  return frame
}
