/**
 * The SSH transport (RFC 4253), either role, without socket, clock or timer; the contract is in ./transport-types.ts.
 * Cutting and protecting packets is in ./packet-reader.ts and ./packet-writer.ts, exchanging keys in ./handshake.ts;
 * here they meet, and here each message type has its place.
 */
import { FIRST_UPPER_MESSAGE, MESSAGE } from '#lib/ssh/message-numbers'
import { Handshake, type NewKeys } from './handshake.ts'
import type { HandshakeRefusal } from './host-proof.ts'
import { IDENTIFICATION, IdentificationReader } from './identification.ts'
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
  writeServerExtInfo,
  writeUnimplemented,
} from './transport-message.ts'
import type {
  AlgorithmLists,
  Negotiated,
  ReceivedPacket,
  SshTransport,
  TransportClosed,
  TransportEvents,
  TransportSettings,
} from './transport-types.ts'

/** RFC 4253 section 9. */
const REKEY_OCTETS = 2 ** 30
/** RFC 4344 section 3.1: well before sequence numbers repeat. */
const REKEY_PACKETS = 2 ** 31
/** What a peer may still send before it answers our KEXINIT: the full windows of 64 channels of OpenSSH. */
const UNANSWERED_REKEY_OCTETS = 128 * 2 ** 20
/** Messages without meaning before the first NEWKEYS, from peers without strict key exchange. */
const EARLY_MESSAGES_LIMIT = 64
const UNAUTHENTICATED_EXCHANGES_LIMIT = 4
/** A nonce would repeat. */
const SEQUENCES = 2 ** 32
const BACKLOG = { high: 2 ** 20, low: 2 ** 18 }
/** Nobody who heeds `backlogged` gets here; a peer that makes us answer and never reads does. */
const OUTPUT_LIMIT = 16 * 2 ** 20
const EMPTY = Buffer.alloc(0)

/** Begins a connection: our identification goes out at the end of the current microtask. */
export function createTransport(
  settings: TransportSettings,
  events: TransportEvents,
): SshTransport {
  return new Transport(settings, events)
}

class Transport implements SshTransport {
  sessionId: Buffer = EMPTY
  peerIdentification = ''
  peerHostKey: Buffer | undefined
  negotiated: Negotiated | undefined
  closed = false
  backlogged = false
  readonly #settings: TransportSettings
  readonly #events: TransportEvents
  readonly #algorithms: AlgorithmLists
  readonly #identification: IdentificationReader
  readonly #reader = new PacketReader()
  readonly #writer: PacketWriter
  /** The exchange under way, from our KEXINIT to the peer's NEWKEYS. */
  #handshake: Handshake | undefined
  #newKeys: NewKeys | undefined
  /** Messages of type 50 and more, held from our KEXINIT to our NEWKEYS (RFC 4253 section 7.1). */
  #held: Buffer[] | undefined
  #heldOctets = 0
  #isFirst = true
  #isAuthenticated = false
  #exchanges = 0
  #earlyMessages = 0
  #octetsAtRekey = 0

  constructor(settings: TransportSettings, events: TransportEvents) {
    this.#settings = settings
    this.#events = events
    this.#algorithms = usable(settings)
    this.#identification = new IdentificationReader(
      settings.role === 'server' ? 'client' : 'server',
    )
    this.#writer = new PacketWriter(
      (bytes, written) => events.onOutput(bytes, written),
      () => this.#drained(),
    )
    this.#writer.sendRaw(Buffer.from(`${IDENTIFICATION}\r\n`))
  }

  get outputBufferedBytes(): number {
    return this.#writer.bufferedOctets + this.#heldOctets
  }

  get exchangingKeys(): boolean {
    return this.#handshake !== undefined
  }

  receive(chunk: Buffer): void {
    if (this.closed) return
    const packets = this.peerIdentification === '' ? this.#identify(chunk) : chunk
    if (packets === undefined) return
    const refusal = this.#reader.receive(packets, (body) => this.#receiveBody(body))
    if (refusal !== undefined) this.#refuse({ reason: refusal })
    this.#rekeyWhenDue()
    this.#writer.flush()
  }

  send(payload: Buffer): void {
    if (this.closed) return
    if (this.#mustHold(payload)) this.#hold(Buffer.from(payload))
    else this.#sendNow(payload)
    this.#rekeyWhenDue()
  }

  forward(packet: ReceivedPacket): void {
    if (this.closed) return
    const isKept = !this.#mustHold(packet.payload) && this.#writer.sendFramed(packet.framed)
    if (isKept) this.#sent(packet.type)
    else this.send(packet.payload)
    this.#rekeyWhenDue()
  }

  rekey(): void {
    if (!this.closed && !this.#isFirst && this.#handshake === undefined) this.#beginHandshake()
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
    this.#beginHandshake()
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
    if (isKexMessage(type)) return this.#acceptKex(payload, type)
    if (this.#isOutOfPlace(type)) {
      return { reason: 'unexpected_message', detail: `${type} in a key exchange` }
    }
    if (isChatter(type)) return this.#acceptChatter()
    if (isUpperMessage(type)) {
      this.#noteAuthenticated(type, 'client')
      this.#events.onPacket({ type, payload, framed })
    } else this.#acceptOwn(payload, type)
    return undefined
  }

  /** Above the transport nothing may come before the first keys, or after the peer's KEXINIT (RFC 4253 section 7.1). */
  #isOutOfPlace(type: number): boolean {
    if (type === MESSAGE.disconnect || this.#handshake === undefined) return false
    if (this.#isFirst) return !isChatter(type)
    return this.#handshake.isPeerBound && (isUpperMessage(type) || type >= FIRST_UPPER_MESSAGE)
  }

  #acceptOwn(payload: Buffer, type: number): void {
    if (type === MESSAGE.disconnect) {
      const { code, text } = readDisconnect(payload)
      this.#close({ reason: 'disconnected', code, detail: text })
    } else if (type === MESSAGE.ping) this.send(writePong(payload))
    else if (type !== MESSAGE.extInfo && type !== MESSAGE.pong) {
      this.#sendNow(writeUnimplemented((this.#reader.sequence + 2 ** 32 - 1) >>> 0))
    }
  }

  /** IGNORE, DEBUG, UNIMPLEMENTED: any number once there are keys; before, none in strict mode and few otherwise (T01). */
  #acceptChatter(): HandshakeRefusal | undefined {
    if (!this.#isFirst) return undefined
    this.#earlyMessages++
    if (this.#handshake?.strict) return { reason: 'strict_kex_violation' }
    return this.#earlyMessages > EARLY_MESSAGES_LIMIT ? { reason: 'too_many_messages' } : undefined
  }

  #acceptKex(payload: Buffer, type: number): HandshakeRefusal | undefined {
    if (this.#handshake === undefined && type === MESSAGE.kexInit) {
      if (this.#areTooManyExchanges()) return { reason: 'too_many_messages' }
      this.#beginHandshake()
    }
    const outcome = this.#handshake?.receive(payload)
    if (outcome === undefined)
      return { reason: 'unexpected_message', detail: `${type} without KEXINIT` }
    if (!outcome.ok) return outcome.error
    // KEXINIT must have been the very first packet: what came before it could have been put there (T01).
    const isLate = this.#isFirst && this.#earlyMessages > 0
    if (this.#handshake?.strict && isLate) return { reason: 'strict_kex_violation' }
    for (const message of outcome.value.send) this.#sendNow(message)
    if (outcome.value.keys !== undefined) this.#changeOutgoingKeys(outcome.value.keys)
    if (this.#handshake?.isDone) this.#changeIncomingKeys()
    return undefined
  }

  /** Each exchange costs us a signature: who has not authenticated gets a few. */
  #areTooManyExchanges(): boolean {
    return !this.#isAuthenticated && ++this.#exchanges > UNAUTHENTICATED_EXCHANGES_LIMIT
  }

  #beginHandshake(): void {
    const { sessionId, peerHostKey: hostKey, negotiated } = this
    this.#handshake = new Handshake({
      settings: this.#settings,
      algorithms: this.#algorithms,
      ourIdentification: IDENTIFICATION,
      peerIdentification: this.peerIdentification,
      first: negotiated && { sessionId, strict: negotiated.strict, hostKey },
    })
    this.#octetsAtRekey = this.#reader.octets
    this.#sendNow(this.#handshake.kexInit)
    this.#held = []
  }

  #changeOutgoingKeys(keys: NewKeys): void {
    this.#sendNow(Buffer.of(MESSAGE.newKeys))
    this.#writer.setSealer(keys.sealer, keys.negotiated.strict)
    this.#newKeys = keys
    // The first message under the first keys, so that the client heeds it (RFC 8308 section 2.4).
    const isServer = this.#settings.role === 'server'
    if (this.#isFirst && isServer && keys.wantsExtInfo) {
      this.#sendNow(writeServerExtInfo(this.#algorithms.signatures))
    }
    const held = this.#held ?? []
    this.#held = undefined
    this.#heldOctets = 0
    for (const payload of held) this.#sendNow(payload)
  }

  #changeIncomingKeys(): void {
    const keys = this.#newKeys
    if (keys === undefined) throw new Error('NEWKEYS without keys')
    const isFirst = this.#isFirst
    this.#reader.setOpener(keys.opener, keys.negotiated.strict)
    this.sessionId = keys.sessionId
    this.negotiated = keys.negotiated
    this.peerHostKey = keys.hostKey
    this.#newKeys = undefined
    this.#handshake = undefined
    this.#isFirst = false
    this.#events.onReady(isFirst)
  }

  #mustHold(payload: Buffer): boolean {
    return this.#held !== undefined && (payload[0] ?? 0) >= FIRST_UPPER_MESSAGE
  }

  #hold(payload: Buffer): void {
    this.#held?.push(payload)
    this.#heldOctets += payload.length
    this.#checkBuffered()
  }

  #sendNow(payload: Buffer): void {
    if (this.closed) return
    this.#writer.send(payload)
    this.#sent(payload[0] ?? 0)
  }

  #sent(type: number): void {
    this.#noteAuthenticated(type, 'server')
    this.#checkBuffered()
    if (this.#writer.packets >= SEQUENCES) this.#refuse({ reason: 'sequence_exhausted' })
  }

  /** The server's USERAUTH_SUCCESS, sent or received, ends the time of tight limits (T02). */
  #noteAuthenticated(type: number, role: 'client' | 'server'): void {
    if (type !== MESSAGE.userAuthSuccess || this.#settings.role !== role) return
    this.#isAuthenticated = true
    this.#reader.lengthLimit = LENGTH_LIMIT
  }

  #checkBuffered(): void {
    const buffered = this.outputBufferedBytes
    if (buffered > BACKLOG.high) this.backlogged = true
    if (buffered > OUTPUT_LIMIT) this.#refuse({ reason: 'output_overflow' })
  }

  #drained(): void {
    if (!this.backlogged || this.closed || this.outputBufferedBytes >= BACKLOG.low) return
    this.backlogged = false
    this.#events.onDrain()
  }

  #rekeyWhenDue(): void {
    if (this.closed || this.#isFirst) return
    if (this.#handshake !== undefined) {
      this.#checkAnswered(this.#handshake)
      return
    }
    const limit = this.#settings.rekeyAfterBytes ?? REKEY_OCTETS
    const packets = Math.max(this.#reader.packets, this.#writer.packets)
    if (this.#reader.octets + this.#writer.octets > limit || packets > REKEY_PACKETS) this.rekey()
  }

  #checkAnswered(handshake: Handshake): void {
    const unanswered = this.#reader.octets - this.#octetsAtRekey
    if (!handshake.isPeerBound && unanswered > UNANSWERED_REKEY_OCTETS) {
      this.#refuse({ reason: 'rekey_unanswered' })
    }
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
    this.#held = undefined
    this.#heldOctets = 0
    this.#writer.flush()
    this.#events.onClosed(closed)
  }
}

/** The lists without what cannot work here. */
function usable({ algorithms, binding }: TransportSettings): AlgorithmLists {
  const isUsable = (cipher: string) => binding !== undefined || !cipher.startsWith('chacha20')
  return { ...algorithms, ciphers: algorithms.ciphers.filter(isUsable) }
}
