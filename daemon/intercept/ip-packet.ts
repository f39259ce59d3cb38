/**
 * IP packets in frames of a TUN device: a virtio header of ten octets (linux/virtio_net.h), then IPv4 (RFC 791) or
 * IPv6 (RFC 8200). Only plain headers are taken, so addresses and transport header always stand side by side.
 */
import { addressFromBytes, type IpAddress } from '#lib/net/address'
import { err, ok, type Result } from '#lib/result'
import { checksumOf, fold, sumWords } from './checksum.ts'
import type { DropReason } from './intercept-counters.ts'

export const VIRTIO_OCTETS = 10
/** virtio flag: the transport checksum holds the sum of the pseudo header only, whoever needs more completes it. */
const NEEDS_CHECKSUM = 1
const CHECKSUM_START_AT = 6
const CHECKSUM_OFFSET_AT = 8

export const TCP = 6
export const UDP = 17
export const ICMP = 1
export const ICMP6 = 58
/** IPv6 next headers that are extensions (IANA): hop-by-hop, routing, ESP, AH, none, destination, mobility, HIP, shim6. */
const EXTENSIONS: ReadonlySet<number> = new Set([0, 43, 50, 51, 59, 60, 135, 139, 140])
const FRAGMENT = 44

const V4_OCTETS = 20
const V6_OCTETS = 40
/** Where addresses begin in a frame: source, then destination. */
const V4_ADDRESSES_AT = VIRTIO_OCTETS + 12
const V6_ADDRESSES_AT = VIRTIO_OCTETS + 8
const HOP_LIMIT = 64
const DONT_FRAGMENT = 0x4000
/** Total length (IPv4) and payload length (IPv6) have 16 bits. */
const LENGTH_LIMIT = 0xffff

/** A packet as it stands in its frame; nothing is copied. */
export type IpPacket = {
  readonly frame: Buffer
  readonly version: 4 | 6
  readonly protocol: number
  /** Where source and destination address begin; the destination ends at `transportAt`. */
  readonly addressesAt: number
  readonly transportAt: number
  /** End of the packet. */
  readonly end: number
}

/** Reads the headers; never throws. What is no plain unicast packet has a reason to be dropped. */
export function parsePacket(frame: Buffer): Result<IpPacket, DropReason> {
  const version = (frame[VIRTIO_OCTETS] ?? 0) >> 4
  if (version === 4) return parseV4(frame)
  return version === 6 ? parseV6(frame) : err('malformed')
}

function parseV4(frame: Buffer): Result<IpPacket, DropReason> {
  const transportAt = VIRTIO_OCTETS + V4_OCTETS
  if (frame.length < transportAt) return err('malformed')
  const headerWords = (frame[VIRTIO_OCTETS] ?? 0) & 15
  if (headerWords !== V4_OCTETS / 4) return err(headerWords > 5 ? 'extension_header' : 'malformed')
  const end = VIRTIO_OCTETS + frame.readUInt16BE(VIRTIO_OCTETS + 2)
  if (end < transportAt || end > frame.length) return err('malformed')
  if (fold(sumWords(frame, VIRTIO_OCTETS, transportAt)) !== 0xffff) return err('bad_checksum')
  if ((frame.readUInt16BE(VIRTIO_OCTETS + 6) & 0xbfff) !== 0) return err('fragment')
  // 224/4 is multicast, 240/4 is for nobody, and holds the broadcast address.
  if ((frame[V4_ADDRESSES_AT + 4] ?? 0) >= 224) return err('multicast')
  if ((frame[V4_ADDRESSES_AT] ?? 0) >= 224 || frame.readUInt32BE(V4_ADDRESSES_AT) === 0) {
    return err('malformed')
  }
  const protocol = frame[VIRTIO_OCTETS + 9] ?? 0
  return ok({ frame, version: 4, protocol, addressesAt: V4_ADDRESSES_AT, transportAt, end })
}

function parseV6(frame: Buffer): Result<IpPacket, DropReason> {
  const transportAt = VIRTIO_OCTETS + V6_OCTETS
  if (frame.length < transportAt) return err('malformed')
  const end = transportAt + frame.readUInt16BE(VIRTIO_OCTETS + 4)
  if (end > frame.length) return err('malformed')
  const protocol = frame[VIRTIO_OCTETS + 6] ?? 0
  if (frame[V6_ADDRESSES_AT + 16] === 0xff) return err('multicast')
  if (protocol === FRAGMENT) return err('fragment')
  if (EXTENSIONS.has(protocol)) return err('extension_header')
  if (
    frame[V6_ADDRESSES_AT] === 0xff ||
    sumWords(frame, V6_ADDRESSES_AT, V6_ADDRESSES_AT + 16) === 0
  ) {
    return err('malformed')
  }
  return ok({ frame, version: 6, protocol, addressesAt: V6_ADDRESSES_AT, transportAt, end })
}

/** Octets of one address. */
export function addressOctets(version: 4 | 6): 4 | 16 {
  return version === 4 ? 4 : 16
}

/** A copy of the address a packet goes to. */
export function destinationOf({ frame, version, transportAt }: IpPacket): IpAddress {
  const bytes = Uint8Array.from(frame.subarray(transportAt - addressOctets(version), transportAt))
  return addressFromBytes(bytes)
}

/** Addresses, and the first `octets` of the transport header, as a key. */
export function keyOf({ frame, addressesAt, transportAt }: IpPacket, octets: number): string {
  return frame.toString('latin1', addressesAt, transportAt + octets)
}

/** A copy of both addresses, exchanged: those of an answer. */
export function answerAddresses({ frame, addressesAt, transportAt }: IpPacket): Buffer {
  const middle = (addressesAt + transportAt) / 2
  return Buffer.concat([frame.subarray(middle, transportAt), frame.subarray(addressesAt, middle)])
}

/** Whether the transport checksum covers the pseudo header only. */
export function hasPartialChecksum(frame: Buffer): boolean {
  return ((frame[0] ?? 0) & NEEDS_CHECKSUM) !== 0
}

/** Sum of the pseudo header of the transport's `octets` (RFC 9293 section 3.1, RFC 8200 section 8.1). */
export function pseudoSum(packet: IpPacket, octets: number): number {
  return sumWords(packet.frame, packet.addressesAt, packet.transportAt) + packet.protocol + octets
}

/** Whether the checksum over pseudo header and transport holds; one that is not complete yet does. */
export function isTransportIntact(packet: IpPacket): boolean {
  if (hasPartialChecksum(packet.frame)) return true
  const { frame, transportAt, end } = packet
  return fold(sumWords(frame, transportAt, end) + pseudoSum(packet, end - transportAt)) === 0xffff
}

/** What a new packet is made of. */
export type PacketOutline = {
  readonly version: 4 | 6
  /** Source, then destination. */
  readonly addresses: Uint8Array
  readonly protocol: number
  /** Octets of transport header and payload. */
  readonly octets: number
}

/** A frame with its IP header written and room for the transport; undefined when no packet is that long. */
export function newPacket(outline: PacketOutline): IpPacket | undefined {
  const { version, addresses, protocol, octets } = outline
  const isV4 = version === 4
  if ((isV4 ? octets + V4_OCTETS : octets) > LENGTH_LIMIT) return undefined
  const transportAt = VIRTIO_OCTETS + (isV4 ? V4_OCTETS : V6_OCTETS)
  const frame = Buffer.allocUnsafe(transportAt + octets)
  frame.fill(0, 0, transportAt)
  const addressesAt = isV4 ? V4_ADDRESSES_AT : V6_ADDRESSES_AT
  frame.set(addresses, addressesAt)
  if (isV4) writeV4(frame, protocol, octets)
  else writeV6(frame, protocol, octets)
  return { frame, version, protocol, addressesAt, transportAt, end: frame.length }
}

function writeV4(frame: Buffer, protocol: number, octets: number): void {
  frame.writeUInt8(0x45, VIRTIO_OCTETS)
  frame.writeUInt16BE(V4_OCTETS + octets, VIRTIO_OCTETS + 2)
  frame.writeUInt16BE(DONT_FRAGMENT, VIRTIO_OCTETS + 6)
  frame.writeUInt8(HOP_LIMIT, VIRTIO_OCTETS + 8)
  frame.writeUInt8(protocol, VIRTIO_OCTETS + 9)
  const sum = sumWords(frame, VIRTIO_OCTETS, VIRTIO_OCTETS + V4_OCTETS)
  frame.writeUInt16BE(checksumOf(sum), VIRTIO_OCTETS + 10)
}

function writeV6(frame: Buffer, protocol: number, octets: number): void {
  frame.writeUInt8(0x60, VIRTIO_OCTETS)
  frame.writeUInt16BE(octets, VIRTIO_OCTETS + 4)
  frame.writeUInt8(protocol, VIRTIO_OCTETS + 6)
  frame.writeUInt8(HOP_LIMIT, VIRTIO_OCTETS + 7)
}

/** Writes the pseudo header's sum at `offset` of the transport, and has the kernel complete it where that is needed. */
export function leaveChecksum(packet: IpPacket, offset: number): void {
  const { frame, transportAt, end } = packet
  frame.writeUInt16BE(fold(pseudoSum(packet, end - transportAt)), transportAt + offset)
  frame.writeUInt8(NEEDS_CHECKSUM, 0)
  // Of this machine's byte order: Linux runs Node on little-endian ones only.
  frame.writeUInt16LE(transportAt - VIRTIO_OCTETS, CHECKSUM_START_AT)
  frame.writeUInt16LE(offset, CHECKSUM_OFFSET_AT)
}
