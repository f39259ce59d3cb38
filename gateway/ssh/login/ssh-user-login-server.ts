/** The leg to the user's client up to the question who wants to log in; carries out the steps of ./user-authentication.ts. */
import { DISCONNECT } from '#lib/ssh/message-numbers'
import type { SshFlow } from '../../enforce/ssh-service.ts'
import { subjectName } from '../../facts/subject-name.ts'
import type { SshServiceDeps } from '../ssh-service-deps.ts'
import { SshLeg } from '../transport/ssh-leg-server.ts'
import type { HostKey } from '../transport/transport-types.ts'
import { UserAuthentication, type UserStep, writeBanner } from './user-authentication.ts'
import type { UserProof } from './user-proof.ts'

export type UserLoginHandlers = {
  /** Someone may log in as far as the user's side is concerned: call `permit` or `deny`, once. */
  readonly onDecide: (request: { readonly unixUser: string; readonly proof: UserProof }) => void
  /** The client must be turned away with this DISCONNECT code and text. */
  readonly onRefused: (reason: string, code: number, text: string) => void
}

export class SshUserLogin {
  readonly leg: SshLeg
  readonly #handlers: UserLoginHandlers
  #authentication: UserAuthentication | undefined
  /** What the user is to be told while the decision is awaited. */
  #line: string | undefined
  #isDeciding = false

  constructor(
    flow: SshFlow,
    hostKeys: readonly HostKey[],
    deps: SshServiceDeps,
    handlers: UserLoginHandlers,
  ) {
    this.#handlers = handlers
    this.leg = new SshLeg(flow.client, {
      role: 'server',
      algorithms: deps.algorithms.user,
      binding: deps.binding,
      hostKeys,
    })
    this.leg.onReady = (first) => {
      if (first) this.#authentication = this.#begin(flow, deps)
    }
    this.leg.onPacket = ({ payload }) => {
      const step = this.#authentication?.receive(payload)
      if (step !== undefined) this.#take(step)
    }
  }

  /**
   * Has a line on the user's terminal while the decision is awaited: banners belong between the request and its answer
   * (RFC 4252 section 5.4). @param line undefined when there is nothing to wait for any more.
   */
  tell(line: string | undefined): void {
    this.#line = line
    if (this.#isDeciding) this.#sayLine()
  }

  /** Lets the user in; the connection protocol begins with the next message. */
  permit(): void {
    if (this.#authentication !== undefined) {
      this.leg.transport.send(this.#authentication.permit())
    }
  }

  /** Asks for a certificate of ours; the client may try again. */
  insist(text: string): void {
    this.#isDeciding = false
    const messages = this.#authentication?.insist(text) ?? []
    for (const message of messages) this.leg.transport.send(message)
  }

  /** Turns the user away with a text for the terminal; `reason` is the code in it. */
  deny(text: string, reason: string): void {
    if (this.#authentication !== undefined) {
      this.leg.transport.send(this.#authentication.deny(text))
    }
    this.leg.transport.disconnect(DISCONNECT.noMoreAuthMethods, `zt: ${reason}`)
  }

  #sayLine(): void {
    if (this.#line !== undefined) this.leg.transport.send(writeBanner(this.#line))
  }

  #begin(flow: SshFlow, { authorities, algorithms, now }: SshServiceDeps): UserAuthentication {
    return new UserAuthentication({
      sessionId: this.leg.transport.sessionId,
      userEmail: subjectName(flow.facts.subject),
      userAuthorities: [...authorities.blobs('client'), ...authorities.blobs('user')],
      isRevoked: authorities.isRevoked,
      signatures: algorithms.user.signatures,
      certificate: 'optional',
      sourceAddress: flow.facts.sourceAddress,
      nowSeconds: () => Math.floor(now() / 1000),
    })
  }

  #take(step: UserStep): void {
    switch (step.kind) {
      case 'reply':
        this.leg.transport.send(step.message)
        break
      case 'decide':
        this.#isDeciding = true
        this.#sayLine()
        this.#handlers.onDecide(step)
        break
      case 'refuse':
        this.#handlers.onRefused(step.reason, step.code, step.text)
        break
      case 'ignore':
        break
    }
  }
}
