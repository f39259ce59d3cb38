/**
 * The keys of one connection: exchanged at its start and again when they are due (RFC 4253 section 9), one
 * ./handshake.ts after the other; and what has no place while that goes on.
 */
import { FIRST_UPPER_MESSAGE, MESSAGE } from '#lib/ssh/message-numbers'
import { Handshake, type NewKeys } from './handshake.ts'
import type { HandshakeRefusal } from './host-proof.ts'
import { IDENTIFICATION } from './identification.ts'
import type { OutgoingPackets } from './outgoing-packets.ts'
import type { PacketReader } from './packet-reader.ts'
import type { PacketWriter } from './packet-writer.ts'
import { isChatter, isUpperMessage, writeServerExtInfo } from './transport-message.ts'
import type { AlgorithmLists, Negotiated, TransportSettings } from './transport-types.ts'

/** RFC 4253 section 9. */
const REKEY_OCTETS = 2 ** 30
/** RFC 4344 section 3.1: well before sequence numbers repeat. */
const REKEY_PACKETS = 2 ** 31
/** What a peer may still send before it answers our KEXINIT: the full windows of 64 channels of OpenSSH. */
const UNANSWERED_REKEY_OCTETS = 128 * 2 ** 20
/** Messages without meaning before the first NEWKEYS, from peers without strict key exchange. */
const EARLY_MESSAGES_LIMIT = 64
const UNAUTHENTICATED_EXCHANGES_LIMIT = 4
const EMPTY = Buffer.alloc(0)

export type KeysOf = {
  readonly settings: TransportSettings
  readonly reader: PacketReader
  readonly writer: PacketWriter
  readonly outgoing: OutgoingPackets
  /** New keys are in use both ways. */
  readonly onReady: (first: boolean) => void
  /** The connection has to end. */
  readonly onRefused: (refusal: HandshakeRefusal) => void
}

export class ConnectionKeys {
  sessionId: Buffer = EMPTY
  peerHostKey: Buffer | undefined
  negotiated: Negotiated | undefined
  readonly #of: KeysOf
  readonly #reader: PacketReader
  readonly #writer: PacketWriter
  readonly #outgoing: OutgoingPackets
  readonly #algorithms: AlgorithmLists
  #peerIdentification = ''
  /** The exchange under way, from our KEXINIT to the peer's NEWKEYS. */
  #handshake: Handshake | undefined
  #newKeys: NewKeys | undefined
  #isFirst = true
  #isAuthenticated = false
  #exchanges = 0
  #earlyMessages = 0
  #octetsAtRekey = 0

  constructor(of: KeysOf) {
    this.#of = of
    this.#reader = of.reader
    this.#writer = of.writer
    this.#outgoing = of.outgoing
    this.#algorithms = usable(of.settings)
  }

  get isExchanging(): boolean {
    return this.#handshake !== undefined
  }

  /** Begins the first exchange. */
  begin(peerIdentification: string): void {
    this.#peerIdentification = peerIdentification
    this.#beginHandshake()
  }

  /** Begins another exchange, unless one is under way. */
  renew(): void {
    if (!this.#isFirst && this.#handshake === undefined) this.#beginHandshake()
  }

  renewWhenDue(): void {
    if (this.#isFirst) return
    if (this.#handshake !== undefined) {
      this.#checkAnswered(this.#handshake)
      return
    }
    const limit = this.#of.settings.rekeyAfterBytes ?? REKEY_OCTETS
    const packets = Math.max(this.#reader.packets, this.#writer.packets)
    if (this.#reader.octets + this.#writer.octets > limit || packets > REKEY_PACKETS) this.renew()
  }

  /** The user is in: exchanges are no longer counted. */
  authenticated(): void {
    this.#isAuthenticated = true
  }

  /** Above the transport nothing may come before the first keys, or after the peer's KEXINIT (RFC 4253 section 7.1). */
  isOutOfPlace(type: number): boolean {
    if (type === MESSAGE.disconnect || this.#handshake === undefined) return false
    if (this.#isFirst) return !isChatter(type)
    return this.#handshake.isPeerBound && (isUpperMessage(type) || type >= FIRST_UPPER_MESSAGE)
  }

  /** IGNORE, DEBUG, UNIMPLEMENTED: any number once there are keys; before, none in strict mode and few otherwise (T01). */
  acceptChatter(): HandshakeRefusal | undefined {
    if (!this.#isFirst) return undefined
    this.#earlyMessages++
    if (this.#handshake?.strict) return { reason: 'strict_kex_violation' }
    return this.#earlyMessages > EARLY_MESSAGES_LIMIT ? { reason: 'too_many_messages' } : undefined
  }

  /** Takes a message of type 20 to 49; returns why it has no place. */
  accept(payload: Buffer, type: number): HandshakeRefusal | undefined {
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
    for (const message of outcome.value.send) this.#outgoing.sendNow(message)
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
      settings: this.#of.settings,
      algorithms: this.#algorithms,
      ourIdentification: IDENTIFICATION,
      peerIdentification: this.#peerIdentification,
      first: negotiated && { sessionId, strict: negotiated.strict, hostKey },
    })
    this.#octetsAtRekey = this.#reader.octets
    this.#outgoing.sendNow(this.#handshake.kexInit)
    this.#outgoing.holdBack()
  }

  #changeOutgoingKeys(keys: NewKeys): void {
    this.#outgoing.sendNow(Buffer.of(MESSAGE.newKeys))
    this.#writer.setSealer(keys.sealer, keys.negotiated.strict)
    this.#newKeys = keys
    // The first message under the first keys, so that the client heeds it (RFC 8308 section 2.4).
    const isServer = this.#of.settings.role === 'server'
    if (this.#isFirst && isServer && keys.wantsExtInfo) {
      this.#outgoing.sendNow(writeServerExtInfo(this.#algorithms.signatures))
    }
    this.#outgoing.release()
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
    this.#of.onReady(isFirst)
  }

  #checkAnswered(handshake: Handshake): void {
    const unanswered = this.#reader.octets - this.#octetsAtRekey
    if (!handshake.isPeerBound && unanswered > UNANSWERED_REKEY_OCTETS) {
      this.#of.onRefused({ reason: 'rekey_unanswered' })
    }
  }
}

/** The lists without what cannot work here. */
function usable({ algorithms, binding }: TransportSettings): AlgorithmLists {
  const isUsable = (cipher: string) => binding !== undefined || !cipher.startsWith('chacha20')
  return { ...algorithms, ciphers: algorithms.ciphers.filter(isUsable) }
}
