/**
 * One key exchange (RFC 4253 sections 7 and 8, RFC 5656 section 4), first or repeated, either role.
 *
 *   offered ──KEXINIT──► agreed ──ECDH_INIT / ECDH_REPLY──► keyed ──NEWKEYS──► done
 *
 * Any other message in any other state ends it (T03). Owns no packets: payloads in, payloads and keys out.
 */
import { err, ok, type Result } from '#lib/result'
import { MESSAGE } from '#lib/ssh/message-numbers'
import { SshReader } from '#lib/ssh/reader'
import { writeByte, writeString } from '#lib/ssh/writer'
import { checkHostKey, type HandshakeRefusal } from './host-proof.ts'
import {
  isGuessWrong,
  isStrict,
  type KexOffer,
  negotiate,
  readKexInit,
  wantsExtInfo,
  writeKexInit,
} from './kex-init.ts'
import { deriveDirection, exchangeHash, keyDeriver } from './key-derivation.ts'
import { KEX_METHODS } from './key-exchange.ts'
import type { KexMethod, KeyAgreement } from './key-exchange-method.ts'
import { keyLengths, makeOpener, makeSealer, type Protection } from './packet-cipher.ts'
import type { PacketOpener, PacketSealer } from './packet-protection.ts'
import type { AlgorithmLists, Negotiated, TransportSettings } from './transport-types.ts'

/** What does not change within a connection, and what the first exchange left. */
export type HandshakeContext = {
  readonly settings: TransportSettings
  /** The settings' algorithms that work here. */
  readonly algorithms: AlgorithmLists
  readonly ourIdentification: string
  readonly peerIdentification: string
  /** Undefined in the first exchange. */
  readonly first:
    | {
        readonly sessionId: Buffer
        readonly strict: boolean
        readonly hostKey: Buffer | undefined
      }
    | undefined
}

/** What an exchange yields. The sealer is used after our NEWKEYS, the opener after the peer's. */
export type NewKeys = {
  readonly sealer: PacketSealer
  readonly opener: PacketOpener
  readonly negotiated: Negotiated
  readonly sessionId: Buffer
  /** Blob that the peer proved; undefined as a server. */
  readonly hostKey: Buffer | undefined
  /** The peer asked for EXT_INFO (RFC 8308). */
  readonly wantsExtInfo: boolean
}

/** What to do now: send these, then, with `keys`, our NEWKEYS and change the outgoing keys. */
export type HandshakeStep = { readonly send: readonly Buffer[]; readonly keys?: NewKeys }

export type HandshakeOutcome = Result<HandshakeStep, HandshakeRefusal>

type State = 'offered' | 'agreed' | 'keyed' | 'done'
type Agreed = {
  readonly theirKexInit: Buffer
  readonly negotiated: Negotiated
  readonly method: KexMethod
  /** Undefined as a server. */
  readonly agreement: KeyAgreement | undefined
  readonly wantsExtInfo: boolean
}

const NOTHING: HandshakeOutcome = ok({ send: [] })
const KEX_METHOD_MESSAGES = { first: 30, last: 49 } // RFC 4250 section 4.1.1

export class Handshake {
  /** Our KEXINIT payload, to be sent before anything else. */
  readonly kexInit: Buffer
  readonly #context: HandshakeContext
  #state: State = 'offered'
  #agreed: Agreed | undefined
  #isGuessVoid = false

  constructor(context: HandshakeContext) {
    const { settings, algorithms } = context
    const hostKeys =
      settings.role === 'server'
        ? settings.hostKeys.map(({ algorithm }) => algorithm)
        : settings.hostKeyAlgorithms
    this.kexInit = writeKexInit(settings.role, algorithms, hostKeys)
    this.#context = context
  }

  /** The peer's KEXINIT came: from now on it may send nothing but key exchange messages. */
  get isPeerBound(): boolean {
    return this.#state !== 'offered'
  }

  get isDone(): boolean {
    return this.#state === 'done'
  }

  /** Strict key exchange, once known. */
  get strict(): boolean {
    return this.#agreed?.negotiated.strict ?? this.#context.first?.strict ?? false
  }

  /** Takes a message of type 20 to 49. Never throws. */
  receive(payload: Buffer): HandshakeOutcome {
    const type = payload[0] ?? 0
    if (this.#state === 'offered' && type === MESSAGE.kexInit) return this.#agree(payload)
    if (this.#isGuessVoid && isMethodMessage(type)) {
      this.#isGuessVoid = false
      return NOTHING
    }
    const isServer = this.#context.settings.role === 'server'
    const expected = isServer ? MESSAGE.kexEcdhInit : MESSAGE.kexEcdhReply
    if (this.#state === 'agreed' && type === expected && this.#agreed !== undefined) {
      return isServer ? this.#reply(payload, this.#agreed) : this.#conclude(payload, this.#agreed)
    }
    if (this.#state === 'keyed' && type === MESSAGE.newKeys && payload.length === 1) {
      this.#state = 'done'
      return NOTHING
    }
    return err({ reason: 'unexpected_message', detail: `${type} while ${this.#state}` })
  }

  #agree(payload: Buffer): HandshakeOutcome {
    const { settings, algorithms, first } = this.#context
    const ours = readKexInit(this.kexInit)
    const theirs = readKexInit(payload)
    if (ours === undefined || theirs === undefined) return err({ reason: 'malformed_message' })
    const peer = settings.role === 'server' ? 'client' : 'server'
    const strict = first?.strict ?? isStrict(theirs, peer)
    const negotiated = negotiate(settings.role, ours, theirs, algorithms, strict)
    const method = KEX_METHODS.get(negotiated?.kex ?? '')
    if (negotiated === undefined || method === undefined) {
      return err({ reason: 'no_common_algorithm', detail: describe(theirs) })
    }
    if (!strict && isTerrapinWeak(negotiated)) return err({ reason: 'weak_without_strict_kex' })
    this.#state = 'agreed'
    this.#isGuessVoid = theirs.isGuessSent && isGuessWrong(ours, theirs)
    const agreement = settings.role === 'client' ? method.begin() : undefined
    const theirKexInit = Buffer.from(payload)
    const extInfo = wantsExtInfo(theirs, peer)
    this.#agreed = { theirKexInit, negotiated, method, agreement, wantsExtInfo: extInfo }
    if (agreement === undefined) return NOTHING
    return ok({ send: [message(MESSAGE.kexEcdhInit, agreement.publicValue)] })
  }

  /** Server: the client's public value came. */
  #reply(payload: Buffer, agreed: Agreed): HandshakeOutcome {
    const reader = new SshReader(payload.subarray(1))
    const clientValue = reader.string()
    if (!reader.complete) return err({ reason: 'malformed_message' })
    const { settings } = this.#context
    const hostKeys = settings.role === 'server' ? settings.hostKeys : []
    const hostKey = hostKeys.find(({ algorithm }) => algorithm === agreed.negotiated.hostKey)
    const answer = agreed.method.answer(clientValue)
    if (hostKey === undefined || answer === undefined) return err({ reason: 'bad_key_exchange' })
    const { publicValue: serverValue, secret } = answer
    const hash = this.#hash(agreed, { hostKeyBlob: hostKey.blob, clientValue, serverValue, secret })
    const reply = message(MESSAGE.kexEcdhReply, hostKey.blob, serverValue, hostKey.sign(hash))
    return this.#keys(agreed, secret, hash, undefined, [reply])
  }

  /** Client: the server's public value and proof came. */
  #conclude(payload: Buffer, agreed: Agreed): HandshakeOutcome {
    const reader = new SshReader(payload.subarray(1))
    const hostKeyBlob = Buffer.from(reader.string())
    const serverValue = reader.string()
    const signature = reader.string()
    if (!reader.complete) return err({ reason: 'malformed_message' })
    const { agreement } = agreed
    const secret = agreement?.agree(serverValue)
    if (agreement === undefined || secret === undefined) return err({ reason: 'bad_key_exchange' })
    const clientValue = agreement.publicValue
    const hash = this.#hash(agreed, { hostKeyBlob, clientValue, serverValue, secret })
    const proof = { blob: hostKeyBlob, signature, hash, algorithm: agreed.negotiated.hostKey }
    const refusal = checkHostKey(this.#context.settings, proof, this.#context.first?.hostKey)
    if (refusal !== undefined) return err(refusal)
    return this.#keys(agreed, secret, hash, hostKeyBlob, [])
  }

  #hash(
    agreed: Agreed,
    values: {
      readonly hostKeyBlob: Buffer
      readonly clientValue: Buffer
      readonly serverValue: Buffer
      readonly secret: Buffer
    },
  ): Buffer {
    const { settings, ourIdentification, peerIdentification } = this.#context
    const us = { identification: ourIdentification, kexInit: this.kexInit }
    const peer = { identification: peerIdentification, kexInit: agreed.theirKexInit }
    const [client, server] = settings.role === 'client' ? [us, peer] : [peer, us]
    return exchangeHash(agreed.method.hash, {
      ...values,
      clientIdentification: client.identification,
      serverIdentification: server.identification,
      clientKexInit: client.kexInit,
      serverKexInit: server.kexInit,
    })
  }

  #keys(
    agreed: Agreed,
    secret: Buffer,
    hash: Buffer,
    hostKey: Buffer | undefined,
    send: readonly Buffer[],
  ): HandshakeOutcome {
    const { settings, first } = this.#context
    const { negotiated, wantsExtInfo } = agreed
    const sessionId = first?.sessionId ?? hash
    const derive = keyDeriver(agreed.method.hash, secret, hash, sessionId)
    const [inward, outward] =
      settings.role === 'server'
        ? (['client_to_server', 'server_to_client'] as const)
        : (['server_to_client', 'client_to_server'] as const)
    const input: Protection = { cipher: negotiated.cipherIn, mac: negotiated.macIn }
    const output: Protection = { cipher: negotiated.cipherOut, mac: negotiated.macOut }
    const inputKeys = deriveDirection(derive, inward, keyLengths(input))
    const outputKeys = deriveDirection(derive, outward, keyLengths(output))
    const opener = makeOpener(input, inputKeys, settings.binding)
    const sealer = makeSealer(output, outputKeys, settings.binding)
    this.#state = 'keyed'
    return ok({ send, keys: { sealer, opener, negotiated, sessionId, hostKey, wantsExtInfo } })
  }
}

function isMethodMessage(type: number): boolean {
  return type >= KEX_METHOD_MESSAGES.first && type <= KEX_METHOD_MESSAGES.last
}

/** CVE-2023-48795: without strict key exchange a prefix of ChaCha20 packets can be cut off unseen (T01). */
function isTerrapinWeak({ cipherIn, cipherOut }: Negotiated): boolean {
  return [cipherIn, cipherOut].includes('chacha20-poly1305@openssh.com')
}

function message(type: number, ...strings: readonly Buffer[]): Buffer {
  return Buffer.concat([writeByte(type), ...strings.map(writeString)])
}

/** For the log: what the peer would have taken. */
function describe({ kex, hostKeys, ciphersToServer, macsToServer }: KexOffer): string {
  return [kex, hostKeys, ciphersToServer, macsToServer].map((names) => names.join(',')).join(' ')
}
