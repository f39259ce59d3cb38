/**
 * The SSH transport (RFC 4253), either role, without socket, clock or timer; the contract is in ./transport-types.ts.
 * Cutting and protecting packets is in ./packet-reader.ts and ./packet-writer.ts, what holds packets back in
 * ./outgoing-packets.ts, exchanging keys in ./connection-keys.ts; here they meet, and here each message type has its place.
 */
import { MESSAGE } from '#lib/ssh/message-numbers'
import { ConnectionKeys } from './connection-keys.ts'
import type { HandshakeRefusal } from './host-proof.ts'
import { IDENTIFICATION, IdentificationReader } from './identification.ts'
import { OutgoingPackets } from './outgoing-packets.ts'
import { LENGTH_LIMIT, PacketReader } from './packet-reader.ts'
import { PacketWriter } from './packet-writer.ts'
import {
  disconnectCode,
  isChatter,
  isKexMessage,
  isUpperMessage,
  printable,
  readDisconnect,
  writeDisconnect,
  writePong,
  writeUnimplemented,
} from './transport-message.ts'
import type {
  Negotiated,
  ReceivedPacket,
  SshTransport,
  TransportClosed,
  TransportEvents,
  TransportSettings,
} from './transport-types.ts'

/** Begins a connection: our identification goes out at the end of the current microtask. */
export function createTransport(
  settings: TransportSettings,
  events: TransportEvents,
): SshTransport {
  return new Transport(settings, events)
}

class Transport implements SshTransport {
  peerIdentification = ''
  closed = false
  readonly #role: TransportSettings['role']
  readonly #events: TransportEvents
  readonly #identification: IdentificationReader
  readonly #reader = new PacketReader()
  readonly #writer: PacketWriter
  readonly #outgoing: OutgoingPackets
  readonly #keys: ConnectionKeys

  constructor(settings: TransportSettings, events: TransportEvents) {
    this.#role = settings.role
    this.#events = events
    this.#identification = new IdentificationReader(
      settings.role === 'server' ? 'client' : 'server',
    )
    this.#writer = new PacketWriter(
      (bytes, written) => events.onOutput(bytes, written),
      () => this.#outgoing.drained(),
    )
    this.#outgoing = new OutgoingPackets(this.#writer, {
      onDrain: () => events.onDrain(),
      onRefused: (reason) => this.#refuse({ reason }),
      onUserAuthSuccess: () => this.#noteAuthenticated('server'),
    })
    this.#keys = new ConnectionKeys({
      ...{ settings, reader: this.#reader, writer: this.#writer, outgoing: this.#outgoing },
      onReady: (first) => events.onReady(first),
      onRefused: (refusal) => this.#refuse(refusal),
    })
    this.#writer.sendRaw(Buffer.from(`${IDENTIFICATION}\r\n`))
  }

  get sessionId(): Buffer {
    return this.#keys.sessionId
  }

  get peerHostKey(): Buffer | undefined {
    return this.#keys.peerHostKey
  }

  get negotiated(): Negotiated | undefined {
    return this.#keys.negotiated
  }

  get backlogged(): boolean {
    return this.#outgoing.backlogged
  }

  get outputBufferedBytes(): number {
    return this.#outgoing.bufferedOctets
  }

  get exchangingKeys(): boolean {
    return this.#keys.isExchanging
  }

  receive(chunk: Buffer): void {
    if (this.closed) return
    const packets = this.peerIdentification === '' ? this.#identify(chunk) : chunk
    if (packets === undefined) return
    const refusal = this.#reader.receive(packets, (body) => this.#receiveBody(body))
    if (refusal !== undefined) this.#refuse({ reason: refusal })
    if (!this.closed) this.#keys.renewWhenDue()
    this.#writer.flush()
  }

  send(payload: Buffer): void {
    if (this.closed) return
    this.#outgoing.send(payload)
    if (!this.closed) this.#keys.renewWhenDue()
  }

  forward(packet: ReceivedPacket): void {
    if (this.closed) return
    this.#outgoing.forward(packet)
    if (!this.closed) this.#keys.renewWhenDue()
  }

  rekey(): void {
    if (!this.closed) this.#keys.renew()
  }

  flush(): void {
    if (!this.closed) this.#writer.flush()
  }

  disconnect(code: number, text: string): void {
    if (this.closed) return
    this.#writer.send(writeDisconnect(code, text))
    this.#close({ reason: 'closed_by_us', code, detail: printable(text) })
  }

  connectionLost(): void {
    if (!this.closed) this.#close({ reason: 'connection_lost' })
  }

  /** @returns the octets after the identification, or undefined while there are none to read. */
  #identify(chunk: Buffer): Buffer | undefined {
    const identified = this.#identification.receive(chunk)
    if (identified?.ok === false) this.#refuse({ reason: identified.error })
    if (!identified?.ok) return undefined
    this.peerIdentification = identified.value.line
    this.#keys.begin(identified.value.line)
    return identified.value.rest
  }

  #receiveBody(body: Buffer): boolean {
    const refusal = this.#accept(body)
    if (refusal !== undefined) this.#refuse(refusal)
    return !this.closed
  }

  /** Puts one message in its place; returns why it has none. */
  #accept(framed: Buffer): HandshakeRefusal | undefined {
    const payload = framed.subarray(1, framed.length - (framed[0] ?? 0))
    const type = payload[0] ?? 0
    if (isKexMessage(type)) return this.#keys.accept(payload, type)
    if (this.#keys.isOutOfPlace(type)) {
      return { reason: 'unexpected_message', detail: `${type} in a key exchange` }
    }
    if (isChatter(type)) return this.#keys.acceptChatter()
    if (isUpperMessage(type)) {
      if (type === MESSAGE.userAuthSuccess) this.#noteAuthenticated('client')
      this.#events.onPacket({ type, payload, framed })
    } else this.#acceptOwn(payload, type)
    return undefined
  }

  #acceptOwn(payload: Buffer, type: number): void {
    if (type === MESSAGE.disconnect) {
      const { code, text } = readDisconnect(payload)
      this.#close({ reason: 'disconnected', code, detail: text })
    } else if (type === MESSAGE.ping) this.send(writePong(payload))
    else if (type !== MESSAGE.extInfo && type !== MESSAGE.pong) {
      this.#outgoing.sendNow(writeUnimplemented((this.#reader.sequence + 2 ** 32 - 1) >>> 0))
    }
  }

  /** The server's USERAUTH_SUCCESS, sent or received, ends the time of tight limits (T02). */
  #noteAuthenticated(role: TransportSettings['role']): void {
    if (this.#role !== role) return
    this.#keys.authenticated()
    this.#reader.lengthLimit = LENGTH_LIMIT
  }

  /** Ends the connection for a reason of ours; the peer learns only the code. */
  #refuse({ reason, detail }: HandshakeRefusal): void {
    if (this.closed) return
    const code = disconnectCode(reason)
    if (reason !== 'output_overflow') this.#writer.send(writeDisconnect(code, 'protocol error'))
    this.#close({ reason, code, ...(detail === undefined ? {} : { detail: printable(detail) }) })
  }

  #close(closed: TransportClosed): void {
    this.closed = true
    this.#outgoing.end()
    this.#events.onClosed(closed)
  }
}
