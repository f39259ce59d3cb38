/** The client's side of user authentication towards a target (RFC 4252): one certificate, one try. Pure. */
import { certificateName } from '#lib/ssh/key-algorithms'
import { MESSAGE } from '#lib/ssh/message-numbers'
import { SshReader } from '#lib/ssh/reader'
import { writeBoolean, writeByte, writeString } from '#lib/ssh/writer'
import type { TargetCredential } from './ca.ts'

export type TargetAuthenticationSettings = {
  /** Session id of the target's transport. */
  readonly sessionId: Buffer
  readonly unixUser: string
  readonly credential: Pick<TargetCredential, 'certificate' | 'signer'>
}

/** What to do after a message of the target. */
export type TargetStep =
  | { readonly kind: 'send'; readonly message: Buffer }
  /** The target's banner, to be shown to the user unchanged: `message` is the payload to forward. */
  | { readonly kind: 'banner'; readonly message: Buffer }
  /** Logged in; the connection protocol begins. */
  | { readonly kind: 'authenticated' }
  /** `target_refused`: the target does not take our certificate; `methods` is what it would take. */
  | {
      readonly kind: 'refused'
      readonly reason: 'target_refused' | 'malformed_message' | 'unexpected_message'
      readonly methods: readonly string[]
    }

const SERVICE = 'ssh-userauth'
const BANNERS_LIMIT = 16

export class TargetAuthentication {
  readonly #settings: TargetAuthenticationSettings
  #state: 'service' | 'asked' | 'done' = 'service'
  #banners = 0

  constructor(settings: TargetAuthenticationSettings) {
    this.#settings = settings
  }

  /** The first message to send. */
  begin(): Buffer {
    return Buffer.concat([writeByte(MESSAGE.serviceRequest), writeString(SERVICE)])
  }

  /** Takes a message of type 5, 6 or 50 to 79 from the target. Never throws. */
  receive(payload: Buffer): TargetStep {
    const type = payload[0]
    if (this.#state === 'service' && type === MESSAGE.serviceAccept) {
      this.#state = 'asked'
      return { kind: 'send', message: this.#request() }
    }
    if (this.#state !== 'asked') return refused('unexpected_message')
    if (type === MESSAGE.userAuthBanner && ++this.#banners <= BANNERS_LIMIT) {
      return { kind: 'banner', message: Buffer.from(payload) }
    }
    if (type === MESSAGE.userAuthFailure) return this.#failed(payload)
    if (type !== MESSAGE.userAuthSuccess) return refused('unexpected_message')
    this.#state = 'done'
    return { kind: 'authenticated' }
  }

  /** Partial success is no success: we have nothing more to show. */
  #failed(payload: Buffer): TargetStep {
    this.#state = 'done'
    const reader = new SshReader(payload.subarray(1))
    const methods = reader.nameList()
    reader.boolean()
    return reader.complete ? refused('target_refused', methods) : refused('malformed_message')
  }

  /** The signed request at once, without a query: the certificate was made for this very target. */
  #request(): Buffer {
    const { sessionId, unixUser, credential } = this.#settings
    const request = Buffer.concat([
      writeByte(MESSAGE.userAuthRequest),
      writeString(unixUser),
      writeString('ssh-connection'),
      writeString('publickey'),
      writeBoolean(true),
      writeString(certificateName(credential.signer.algorithm)),
      writeString(credential.certificate),
    ])
    const signature = credential.signer.sign(Buffer.concat([writeString(sessionId), request]))
    return Buffer.concat([request, writeString(signature)])
  }
}

function refused(
  reason: 'target_refused' | 'malformed_message' | 'unexpected_message',
  methods: readonly string[] = [],
): TargetStep {
  return { kind: 'refused', reason, methods }
}
