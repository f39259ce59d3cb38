/** What programs send without a connection, as one thing: UDP datagrams and echo requests. */
import { ok, type Result } from '#lib/result'
import { type IcmpError, parseEcho, printEchoReply, printError, quoteOf } from './icmp-message.ts'
import type { DropReason } from './intercept-counters.ts'
import { answerAddresses, type IpPacket, keyOf } from './ip-packet.ts'
import { parseUdp, printUdp } from './udp-message.ts'

export type Datagram = {
  readonly transport: 'udp' | 'icmp'
  /** The same for all datagrams of a conversation. */
  readonly key: string
  /** Ports; an echo request has none. */
  readonly sourcePort: number
  readonly destinationPort: number
  /** A copy: UDP payload, or a neutral echo message. */
  readonly payload: Buffer
  readonly packet: IpPacket
}

const PORTS_OCTETS = 4
/** Where the identifier of an echo message stands (RFC 792). */
const IDENTIFIER = { from: 4, to: 6 }

/** Never throws. */
export function readUdp(packet: IpPacket): Result<Datagram, DropReason> {
  const message = parseUdp(packet)
  if (!message.ok) return message
  const { payload, ...ports } = message.value
  const key = keyOf(packet, PORTS_OCTETS)
  return ok({ transport: 'udp', key, ...ports, payload: Buffer.from(payload), packet })
}

/** Never throws. */
export function readEcho(packet: IpPacket): Result<Datagram, DropReason> {
  const message = parseEcho(packet)
  if (!message.ok) return message
  const payload = message.value
  const key = keyOf(packet, 0) + payload.toString('latin1', IDENTIFIER.from, IDENTIFIER.to)
  return ok({ transport: 'icmp', key, sourcePort: 0, destinationPort: 0, payload, packet })
}

/** Makes packets for the program of a conversation. */
export type Answers = {
  /** The frame of an answer; undefined when it cannot be one. */
  readonly print: (payload: Uint8Array) => Buffer | undefined
  /** The frame that says what became of the datagram in `packet`, or in a quote of it. */
  readonly refuse: (error: IcmpError, quote: Buffer) => Buffer | undefined
}

/** Answers come from where the datagram was going to. */
export function answersTo({ transport, packet, sourcePort, destinationPort }: Datagram): Answers {
  const path = { version: packet.version, addresses: answerAddresses(packet) }
  const ports = { sourcePort: destinationPort, destinationPort: sourcePort }
  return {
    print: (payload) =>
      transport === 'udp'
        ? printUdp({ ...path, ...ports }, payload)
        : printEchoReply(path, payload),
    refuse: (error, quote) => printError(path, error, quote),
  }
}

/** The frame that refuses a datagram of no conversation. */
export function refusalOf(datagram: Datagram, error: IcmpError): Buffer | undefined {
  return answersTo(datagram).refuse(error, quoteOf(datagram.packet))
}
