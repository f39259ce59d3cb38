/**
 * The server's side of user authentication (RFC 4252). Who the user is, the tunnel has proved already; what is asked
 * here is which UNIX user, and, where the application requires it, a certificate of ours for the same person.
 * No request leaves anything behind for the next one but the counters, so a change of name, key or method starts
 * afresh (T20, T21). Pure: payloads in, steps out.
 */
import { keyAlgorithm } from '#lib/ssh/key-algorithms'
import { DISCONNECT, MESSAGE } from '#lib/ssh/message-numbers'
import { SshReader } from '#lib/ssh/reader'
import { parseUnixUser, type UnixUser } from '#lib/ssh/unix-user'
import { writeBoolean, writeByte, writeNameList, writeString } from '#lib/ssh/writer'
import { proveKey, type UserProof, type UserProofSettings } from './user-proof.ts'

export type UserAuthenticationSettings = UserProofSettings

/** What to do after a message. */
export type UserStep =
  /** Send this and wait. `failed` is for the log: why a request was not enough. */
  | { readonly kind: 'reply'; readonly message: Buffer; readonly failed?: string }
  /** The request suffices: decide about the UNIX user, then call `permit` or `deny`. */
  | { readonly kind: 'decide'; readonly unixUser: UnixUser; readonly proof: UserProof }
  /** Disconnect with this code and text, and log the reason. */
  | {
      readonly kind: 'refuse'
      readonly reason: UserRefusal
      readonly code: number
      readonly text: string
    }
  /** Nothing: a request after success (RFC 4252 section 5.1). */
  | { readonly kind: 'ignore' }

export type UserRefusal =
  | 'malformed_message'
  | 'unexpected_message'
  | 'service_not_available'
  | 'too_many_tries'
  | 'bad_unix_user'
  | 'identity_mismatch'

/** Failures of every method count (T29); OpenSSH's MaxAuthTries is 6, and agents hold many keys. */
const FAILURES_LIMIT = 10
/** Queries (no signature) count as well, but are cheaper. */
const REQUESTS_LIMIT = 30
const SERVICE = 'ssh-userauth'

export class UserAuthentication {
  #settings: UserAuthenticationSettings
  #state: 'service' | 'asking' | 'deciding' | 'permitted' = 'service'
  #failures = 0
  #requests = 0

  constructor(settings: UserAuthenticationSettings) {
    this.#settings = settings
  }

  /** Takes a message of type 5, 6 or 50 to 79 from the user's client. Never throws. */
  receive(payload: Buffer): UserStep {
    const type = payload[0]
    if (type === MESSAGE.serviceRequest && this.#state === 'service') return this.#serve(payload)
    if (type !== MESSAGE.userAuthRequest) return refuse('unexpected_message')
    if (this.#state === 'permitted') return { kind: 'ignore' }
    if (this.#state !== 'asking') return refuse('unexpected_message')
    this.#requests++
    return this.#requests > REQUESTS_LIMIT ? refuse('too_many_tries') : this.#ask(payload)
  }

  /** The decision was yes: returns USERAUTH_SUCCESS, after which the connection protocol begins. */
  permit(): Buffer {
    if (this.#state !== 'deciding') throw new Error('nothing was to be decided')
    this.#state = 'permitted'
    return writeByte(MESSAGE.userAuthSuccess)
  }

  /** The decision was no: returns a banner that OpenSSH prints; disconnect after it. */
  deny(text: string): Buffer {
    this.#state = 'service'
    return writeBanner(text)
  }

  /** The decision was: not by this. Returns words for the terminal and a failure; only a certificate of ours suffices now. */
  insist(text: string): readonly Buffer[] {
    this.#state = 'asking'
    this.#settings = { ...this.#settings, certificate: 'required' }
    this.#failures++
    return [writeBanner(text), writeFailure()]
  }

  #serve(payload: Buffer): UserStep {
    const reader = new SshReader(payload.subarray(1))
    const service = reader.text()
    if (!reader.complete) return refuse('malformed_message')
    if (service !== SERVICE) return refuse('service_not_available')
    this.#state = 'asking'
    const head = writeByte(MESSAGE.serviceAccept)
    return { kind: 'reply', message: Buffer.concat([head, writeString(SERVICE)]) }
  }

  #ask(payload: Buffer): UserStep {
    const reader = new SshReader(payload)
    reader.byte()
    const name = reader.text()
    const service = reader.text()
    const method = reader.text()
    if (reader.failed) return refuse('malformed_message')
    if (service !== 'ssh-connection') return refuse('service_not_available')
    const unixUser = parseUnixUser(name)
    if (!unixUser.ok) return refuse('bad_unix_user')
    if (method === 'publickey') return this.#askKey(payload, reader, unixUser.value)
    const isNoneEnough = method === 'none' && this.#settings.certificate === 'optional'
    // Of any other method, password above all, not one octet more is read.
    return isNoneEnough && reader.complete
      ? this.#decide(unixUser.value, { method: 'none' })
      : this.#fail('method_refused')
  }

  #askKey(payload: Buffer, reader: SshReader, unixUser: UnixUser): UserStep {
    const isSigned = reader.boolean()
    const name = reader.text()
    const blob = reader.string()
    const signed = payload.subarray(0, reader.position)
    const signature = isSigned ? reader.string() : undefined
    if (!reader.complete) return refuse('malformed_message')
    const algorithm = keyAlgorithm(name)
    const { signatures } = this.#settings
    const isTaken = algorithm && (signatures?.includes(algorithm.signature) ?? true)
    if (!isTaken) return this.#fail('algorithm_refused')
    const offer = { algorithm, blob, signed, signature, unixUser }
    const proved = proveKey(offer, this.#settings)
    if (!proved.ok) {
      const { reason } = proved.error
      return reason === 'identity_mismatch' ? refuse(reason) : this.#fail(reason)
    }
    if (proved.value === undefined) return { kind: 'reply', message: writePkOk(name, blob) }
    return this.#decide(unixUser, proved.value)
  }

  #decide(unixUser: UnixUser, proof: UserProof): UserStep {
    this.#state = 'deciding'
    return { kind: 'decide', unixUser, proof }
  }

  #fail(failed: string): UserStep {
    this.#failures++
    if (this.#failures > FAILURES_LIMIT) return refuse('too_many_tries')
    return { kind: 'reply', message: writeFailure(), failed }
  }
}

/** SSH_MSG_USERAUTH_BANNER (RFC 4252 section 5.4), lines ended as terminals want them. */
export function writeBanner(text: string): Buffer {
  const lines = `${text.replaceAll(/\r?\n/g, '\r\n')}\r\n`
  return Buffer.concat([writeByte(MESSAGE.userAuthBanner), writeString(lines), writeString('')])
}

function writeFailure(): Buffer {
  const parts = [writeByte(MESSAGE.userAuthFailure), writeNameList(['publickey'])]
  return Buffer.concat([...parts, writeBoolean(false)])
}

function writePkOk(algorithm: string, blob: Buffer): Buffer {
  const head = writeByte(MESSAGE.userAuthPkOk)
  return Buffer.concat([head, writeString(algorithm), writeString(blob)])
}

function refuse(reason: UserRefusal): UserStep {
  return { kind: 'refuse', reason, ...WORDS[reason] }
}

const WORDS: Readonly<Record<UserRefusal, { readonly code: number; readonly text: string }>> = {
  malformed_message: { code: DISCONNECT.protocolError, text: 'protocol error' },
  unexpected_message: { code: DISCONNECT.protocolError, text: 'protocol error' },
  service_not_available: { code: DISCONNECT.serviceNotAvailable, text: 'no such service' },
  too_many_tries: { code: DISCONNECT.noMoreAuthMethods, text: 'too many authentication attempts' },
  bad_unix_user: {
    code: DISCONNECT.noMoreAuthMethods,
    text: 'zt: this user name cannot be used. Use letters, digits, dot, dash and underscore.',
  },
  identity_mismatch: {
    code: DISCONNECT.noMoreAuthMethods,
    text: 'zt: this certificate was issued to another person than the one logged in on this device.',
  },
}
