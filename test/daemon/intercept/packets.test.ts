/** Packets: what is taken, what is dropped and why, and checksums against a sum made the slow way. */
import test from 'ava'
import fc from 'fast-check'
import { readEcho, readUdp, refusalOf } from '../../../daemon/intercept/datagram.ts'
import { PORT_UNREACHABLE, printEchoReply } from '../../../daemon/intercept/icmp-message.ts'
import {
  type IpPacket,
  newPacket,
  parsePacket,
  VIRTIO_OCTETS,
} from '../../../daemon/intercept/ip-packet.ts'
import { parseTcp, printReset, rewriteTcp, tcpPath } from '../../../daemon/intercept/tcp-segment.ts'
import { printUdp } from '../../../daemon/intercept/udp-message.ts'

const RUNS = { numRuns: process.env['ZT_FULL'] ? 5000 : 200 }
const V4 = Buffer.from('c61200010a800006', 'hex')
const V6 = Buffer.from('fd5a0007000000000000000000000001fd000128000000000000000000000006', 'hex')
const addressesOf = (version: 4 | 6): Buffer => (version === 4 ? V4 : V6)
const versions = fc.constantFrom<4 | 6>(4, 6)
const ports = fc.integer({ min: 1, max: 65_535 })

/** Words added one at a time, carries put back each time. */
function slowSum(...parts: readonly Uint8Array[]): number {
  let sum = 0
  for (const part of parts) {
    for (let at = 0; at < part.length; at += 2) {
      sum += (part[at] ?? 0) * 256 + (part[at + 1] ?? 0)
      if (sum > 65_535) sum -= 65_535
    }
  }
  return sum
}

/** Completes what was left to the kernel, as it does; then every checksum has to hold. */
function isIntact({
  frame,
  version,
  protocol,
  addressesAt,
  transportAt: at,
  end,
}: IpPacket): boolean {
  const whole = Buffer.from(frame)
  if (((whole[0] ?? 0) & 1) === 1) {
    const checksumAt = VIRTIO_OCTETS + whole.readUInt16LE(6) + whole.readUInt16LE(8)
    whole.writeUInt16BE(65_535 - slowSum(whole.subarray(at, end)), checksumAt)
  }
  const pseudo = Buffer.alloc(4)
  pseudo.writeUInt16BE(protocol)
  pseudo.writeUInt16BE(end - at, 2)
  const isIcmp4 = protocol === 1
  const covered = isIcmp4 ? [] : [whole.subarray(addressesAt, at), pseudo]
  const head = whole.subarray(VIRTIO_OCTETS, at)
  return (
    slowSum(...covered, whole.subarray(at, end)) === 65_535 &&
    (version === 6 || slowSum(head) === 65_535)
  )
}

function parsed(frame: Buffer | undefined): IpPacket {
  const packet = parsePacket(frame ?? Buffer.alloc(0))
  if (!packet.ok) throw new Error(packet.error)
  return packet.value
}

type Segment = { version: 4 | 6; from: number; to: number; flags: number; payload: Uint8Array }
const segments: fc.Arbitrary<Segment> = fc.record({
  ...{ version: versions, from: ports, to: ports },
  ...{ flags: fc.integer({ min: 0, max: 63 }), payload: fc.uint8Array({ maxLength: 200 }) },
})

/** A segment with its checksum complete, or the sum of the pseudo header in its place. */
function segmentFrame(segment: Segment, isPartial: boolean): Buffer {
  const octets = 20 + segment.payload.length
  const { version } = segment
  const packet = newPacket({ version, addresses: addressesOf(version), protocol: 6, octets })
  if (packet === undefined) throw new Error('too long')
  const { frame, transportAt: at, addressesAt } = packet
  frame.fill(0, at).writeUInt16BE(segment.from, at)
  frame.writeUInt16BE(segment.to, at + 2)
  frame.writeUInt32BE(1000, at + 4)
  frame.writeUInt8(0x50, at + 12)
  frame.writeUInt8(segment.flags, at + 13)
  frame.set(segment.payload, at + 20)
  const pseudo = Buffer.from([0, 6, octets >> 8, octets & 255])
  const pseudoSum = slowSum(frame.subarray(addressesAt, at), pseudo)
  if (isPartial) {
    frame.set([1, 0, 0, 0, 0, 0, at - VIRTIO_OCTETS, 0, 16, 0])
    frame.writeUInt16BE(pseudoSum, at + 16)
  } else {
    const sum = slowSum(Buffer.from([pseudoSum >> 8, pseudoSum & 255]), frame.subarray(at))
    frame.writeUInt16BE(65_535 - sum, at + 16)
  }
  return frame
}

test('D2: garbage is dropped, and nothing throws', (t) => {
  const starts = fc.constantFrom('45', '4500', '60', '6000', '46', '00', '')
  const protocols = fc.constantFrom(1, 6, 17, 58, 44, 0, 255)
  fc.assert(
    fc.property(starts, protocols, fc.uint8Array({ maxLength: 120 }), (start, protocol, rest) => {
      const frame = Buffer.concat([Buffer.alloc(10), Buffer.from(start, 'hex'), rest])
      for (const at of [16, 19]) if (frame.length > at) frame[at] = protocol
      useAll(frame)
      if (frame.length >= 30) mend(frame)
      useAll(frame)
    }),
    RUNS,
  )
  t.false(parsePacket(Buffer.alloc(0)).ok)
})

function useAll(frame: Buffer): void {
  const packet = parsePacket(frame)
  if (!packet.ok) return
  readUdp(packet.value)
  readEcho(packet.value)
  printReset(packet.value)
  if (parseTcp(packet.value) === undefined) return
  rewriteTcp(packet.value, tcpPath(addressesOf(packet.value.version), 1, 2))
}

/** Length and checksum that hold, so that what is behind is looked at. */
function mend(frame: Buffer): void {
  if ((frame[10] ?? 0) >> 4 === 6) frame.writeUInt16BE(Math.max(0, frame.length - 50), 14)
  else {
    frame.writeUInt16BE(frame.length - 10, 12)
    frame.writeUInt32BE(0, 16)
    frame[19] = 6
    frame.writeUInt16BE(0, 20)
    frame.writeUInt16BE(65_535 - slowSum(frame.subarray(10, 30)), 20)
  }
}

test('D2: a rewritten segment has new addresses and ports, the same rest, and checksums that hold', (t) => {
  fc.assert(
    fc.property(segments, fc.boolean(), ports, ports, (segment, isPartial, from, to) => {
      const frame = segmentFrame(segment, isPartial)
      const before = Buffer.from(frame)
      const packet = parsed(frame)
      if (!isIntact(packet)) throw new Error('the test itself is wrong')
      const addresses = Buffer.from(addressesOf(segment.version)).reverse()
      // Reversed, IPv4's first octet may be one that is refused; rewriting does not mind.
      rewriteTcp(packet, tcpPath(addresses, from, to))
      const { transportAt: at, addressesAt } = packet
      const isMoved = frame.subarray(addressesAt, at).equals(addresses)
      const rest = frame.subarray(at + 4, at + 16).equals(before.subarray(at + 4, at + 16))
      const there = frame.readUInt16BE(at) === from && frame.readUInt16BE(at + 2) === to
      return isMoved && rest && there && isIntact(packet)
    }),
    RUNS,
  )
  t.true(
    isIntact(parsed(segmentFrame({ version: 4, from: 1, to: 2, flags: 2, payload: V6 }, true))),
  )
})

test('D2: the reset of a segment is one that its program believes', (t) => {
  fc.assert(
    fc.property(segments, (segment) => {
      const reset = printReset(parsed(segmentFrame(segment, false)))
      if (segment.flags & 4) return reset === undefined
      const packet = parsed(reset)
      const { frame, transportAt: at } = packet
      const length = segment.payload.length + (segment.flags & 1) + ((segment.flags >> 1) & 1)
      const isAnswer = parseTcp(packet)?.destinationPort === segment.from
      const isExpected =
        segment.flags & 16
          ? frame.readUInt32BE(at + 4) === 0
          : frame.readUInt32BE(at + 8) === 1000 + length
      return isAnswer && isExpected && parseTcp(packet)?.isReset === true && isIntact(packet)
    }),
    RUNS,
  )
  t.is(
    printReset(parsed(segmentFrame({ version: 4, from: 1, to: 2, flags: 4, payload: V4 }, false))),
    undefined,
  )
})

test('D2: a datagram reads as it was written, and its refusal quotes it', (t) => {
  fc.assert(
    fc.property(
      versions,
      ports,
      ports,
      fc.uint8Array({ maxLength: 300 }),
      (version, from, to, payload) => {
        const path = {
          version,
          addresses: addressesOf(version),
          sourcePort: from,
          destinationPort: to,
        }
        const packet = parsed(printUdp(path, payload))
        const read = readUdp(packet)
        if (!read.ok || !isIntact(packet)) return false
        const refusal = parsed(refusalOf(read.value, PORT_UNREACHABLE))
        const quote = refusal.frame.subarray(refusal.transportAt + 8)
        const sent = packet.frame.subarray(VIRTIO_OCTETS)
        return (
          read.value.payload.equals(payload) &&
          isIntact(refusal) &&
          quote.equals(sent.subarray(0, quote.length))
        )
      },
    ),
    RUNS,
  )
  const path = { version: 4, addresses: V4, sourcePort: 1, destinationPort: 2 } as const
  t.is(printUdp(path, Buffer.alloc(65_508)), undefined)
  t.truthy(printUdp(path, Buffer.alloc(65_507)))
})

test('D2: an echo reply carries what the gateway said', (t) => {
  const message = Buffer.from('0000000012340001616263', 'hex')
  for (const version of [4, 6] as const) {
    const reply = parsed(printEchoReply({ version, addresses: addressesOf(version) }, message))
    t.true(isIntact(reply))
    t.is(reply.frame[reply.transportAt], version === 4 ? 0 : 129)
    t.deepEqual(reply.frame.subarray(reply.transportAt + 4), message.subarray(4))
  }
  t.is(
    printEchoReply({ version: 4, addresses: V4 }, Buffer.from('0800000012340001', 'hex')),
    undefined,
  )
})

const udp4 = (): Buffer =>
  printUdp({ version: 4, addresses: V4, sourcePort: 9, destinationPort: 9 }, V6) ?? Buffer.alloc(0)
const udp6 = (): Buffer =>
  printUdp({ version: 6, addresses: V6, sourcePort: 9, destinationPort: 9 }, V6) ?? Buffer.alloc(0)

/** IPv4 with other octets, and a header checksum that holds. */
function changed4(at: number, ...octets: readonly number[]): Buffer {
  const frame = udp4()
  frame.set(octets, VIRTIO_OCTETS + at)
  frame.writeUInt16BE(0, VIRTIO_OCTETS + 10)
  frame.writeUInt16BE(65_535 - slowSum(frame.subarray(VIRTIO_OCTETS, 30)), VIRTIO_OCTETS + 10)
  return frame
}

function changed6(at: number, ...octets: readonly number[]): Buffer {
  const frame = udp6()
  frame.set(octets, VIRTIO_OCTETS + at)
  return frame
}

const DROPPED: readonly (readonly [string, Buffer, string])[] = [
  ['cut in its header', udp4().subarray(0, 29), 'malformed'],
  ['longer than the frame', changed4(2, 0xff, 0xff), 'malformed'],
  ['shorter than its header', changed4(2, 0, 19), 'malformed'],
  ['IPv4 options', changed4(0, 0x46), 'extension_header'],
  ['first fragment', changed4(6, 0x20, 0), 'fragment'],
  ['later fragment', changed4(6, 0, 1), 'fragment'],
  ['multicast', changed4(16, 224, 0, 0, 251), 'multicast'],
  ['broadcast', changed4(16, 255, 255, 255, 255), 'multicast'],
  ['from nowhere', changed4(12, 0, 0, 0, 0), 'malformed'],
  ['wrong header checksum', Buffer.concat([udp4()]).fill(7, 18, 19), 'bad_checksum'],
  ['IPv6 multicast', changed6(24, 0xff, 2), 'multicast'],
  ['IPv6 fragment', changed6(6, 44), 'fragment'],
  ['IPv6 hop-by-hop', changed6(6, 0), 'extension_header'],
  ['IPv6 routing', changed6(6, 43), 'extension_header'],
  ['IPv6 longer than the frame', changed6(4, 0xff, 0xff), 'malformed'],
  ['version 5', changed4(0, 0x55), 'malformed'],
]

for (const [what, frame, reason] of DROPPED) {
  test(`D2: dropped: ${what}`, (t) => {
    t.deepEqual(parsePacket(frame), { ok: false, error: reason } as never)
  })
}

test('D2: UDP and ICMP that do not hold are dropped with a reason', (t) => {
  const udp = (frame: Buffer) => readUdp(parsed(frame))
  const complete = (frame: Buffer): Buffer => frame.fill(0, 0, VIRTIO_OCTETS)
  const unsummed6 = complete(udp6())
  unsummed6.writeUInt16BE(0, 10 + 40 + 6)
  t.like(udp(unsummed6), { ok: false, error: 'malformed' })
  t.like(udp(complete(udp6())), { ok: false, error: 'bad_checksum' })
  const unsummed4 = complete(udp4())
  unsummed4.writeUInt16BE(0, 10 + 20 + 6)
  t.true(udp(unsummed4).ok)
  const wrongLength = udp4()
  wrongLength.writeUInt16BE(9, 10 + 20 + 4)
  t.like(udp(wrongLength), { ok: false, error: 'malformed' })
  const icmp = newPacket({ version: 4, addresses: V4, protocol: 1, octets: 8 })
  icmp?.frame.fill(0, icmp.transportAt)
  t.like(icmp && readEcho(icmp), { ok: false, error: 'icmp_type' })
  icmp?.frame.writeUInt8(8, icmp.transportAt)
  t.like(icmp && readEcho(icmp), { ok: false, error: 'bad_checksum' })
})
