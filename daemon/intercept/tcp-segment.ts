/** TCP segments in frames (RFC 9293): what NAT looks at and changes, and resets. */
import { changedChecksum, changeOf, fold, sumWords } from './checksum.ts'
import {
  answerAddresses,
  hasPartialChecksum,
  type IpPacket,
  leaveChecksum,
  newPacket,
  TCP,
  VIRTIO_OCTETS,
} from './ip-packet.ts'

const TCP_HEADER_OCTETS = 20
const CHECKSUM_AT = 16
const FIN = 1
const SYN = 2
const RST = 4
const ACK = 16

/** A segment's ports and flags. */
export type TcpSegment = {
  readonly sourcePort: number
  readonly destinationPort: number
  /** Asks for a connection: SYN without ACK. */
  readonly isOpening: boolean
  readonly isReset: boolean
}

/** Reads a TCP packet; undefined when its header is not whole. Never throws. */
export function parseTcp({ frame, transportAt: at, end }: IpPacket): TcpSegment | undefined {
  if (end - at < TCP_HEADER_OCTETS) return undefined
  const headerOctets = ((frame[at + 12] ?? 0) >> 4) * 4
  if (headerOctets < TCP_HEADER_OCTETS || at + headerOctets > end) return undefined
  const flags = frame[at + 13] ?? 0
  return {
    sourcePort: frame.readUInt16BE(at),
    destinationPort: frame.readUInt16BE(at + 2),
    isOpening: (flags & (SYN | ACK | RST)) === SYN,
    isReset: (flags & RST) !== 0,
  }
}

/** Where a segment is to come from and go to. */
export type TcpPath = {
  /** Source, then destination. */
  readonly addresses: Buffer
  /** Sum of `addresses`. */
  readonly sum: number
  readonly sourcePort: number
  readonly destinationPort: number
}

export function tcpPath(addresses: Buffer, sourcePort: number, destinationPort: number): TcpPath {
  return { addresses, sum: sumWords(addresses, 0, addresses.length), sourcePort, destinationPort }
}

/** Changes addresses and ports in place, and each checksum by the difference: a segment may have 64 KiB. */
export function rewriteTcp(packet: IpPacket, path: TcpPath): void {
  const { frame, version, addressesAt, transportAt: at } = packet
  const oldAddresses = sumWords(frame, addressesAt, at)
  const change = changeOf(oldAddresses, path.sum)
  if (version === 4) changeAt(frame, VIRTIO_OCTETS + 10, change)
  const checksumAt = at + CHECKSUM_AT
  if (hasPartialChecksum(frame)) {
    frame.writeUInt16BE(fold(frame.readUInt16BE(checksumAt) + change), checksumAt)
  } else {
    const ports = changeOf(sumWords(frame, at, at + 4), path.sourcePort + path.destinationPort)
    changeAt(frame, checksumAt, change + ports)
  }
  path.addresses.copy(frame, addressesAt)
  frame.writeUInt16BE(path.sourcePort, at)
  frame.writeUInt16BE(path.destinationPort, at + 2)
}

function changeAt(frame: Buffer, at: number, change: number): void {
  frame.writeUInt16BE(changedChecksum(frame.readUInt16BE(at), change), at)
}

/** The frame of the reset that answers a segment (RFC 9293 section 3.10.7.1); a reset is never answered, nor is what has no whole header. */
export function printReset(packet: IpPacket): Buffer | undefined {
  const { frame: from, transportAt: fromAt, end, version } = packet
  const segment = parseTcp(packet)
  if (segment === undefined || segment.isReset) return undefined
  const flags = from[fromAt + 13] ?? 0
  const addresses = answerAddresses(packet)
  const made = newPacket({ version, addresses, protocol: TCP, octets: TCP_HEADER_OCTETS })
  if (made === undefined) return undefined
  const { frame, transportAt: at } = made
  frame.fill(0, at)
  from.copy(frame, at, fromAt + 2, fromAt + 4)
  from.copy(frame, at + 2, fromAt, fromAt + 2)
  if (flags & ACK) from.copy(frame, at + 4, fromAt + 8, fromAt + 12)
  else {
    const headerOctets = ((from[fromAt + 12] ?? 0) >> 4) * 4
    const length = end - fromAt - headerOctets + (flags & SYN ? 1 : 0) + (flags & FIN ? 1 : 0)
    frame.writeUInt32BE((from.readUInt32BE(fromAt + 4) + length) >>> 0, at + 8)
  }
  frame.writeUInt8((TCP_HEADER_OCTETS / 4) << 4, at + 12)
  frame.writeUInt8(flags & ACK ? RST : RST | ACK, at + 13)
  leaveChecksum(made, CHECKSUM_AT)
  return frame
}
