/** The leg to the user's client up to the question who wants to log in; carries out the steps of ./user-authentication.ts. */
import { DISCONNECT } from '#lib/ssh/message-numbers'
import type { SshFlow } from '../enforce/ssh-service.ts'
import { subjectName } from '../facts/subject-name.ts'
import { mintHostCertificate } from './ca.ts'
import { deriveHostKey } from './host-key.ts'
import { SshLeg } from './ssh-leg-server.ts'
import type { SshServiceDeps } from './ssh-service-deps.ts'
import type { HostKey } from './transport-types.ts'
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

  constructor(flow: SshFlow, deps: SshServiceDeps, handlers: UserLoginHandlers) {
    this.#handlers = handlers
    this.leg = new SshLeg(flow.client, {
      role: 'server',
      algorithms: deps.algorithms.user,
      binding: deps.binding,
      hostKeys: hostKeysFor(flow, deps),
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

  #begin(flow: SshFlow, deps: SshServiceDeps): UserAuthentication {
    return new UserAuthentication({
      sessionId: this.leg.transport.sessionId,
      userEmail: subjectName(flow.facts.subject),
      userAuthorities: [deps.userAuthority.blob],
      certificate: 'optional',
      sourceAddress: flow.facts.sourceAddress,
      nowSeconds: () => Math.floor(deps.now() / 1000),
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

/**
 * The target's own key with us, under a certificate for every name the user may have typed, and plain for clients
 * that know no certificates.
 * @throws {Error} when the flow's host is no host: a bug, since it was parsed when the flow was opened.
 */
function hostKeysFor(flow: SshFlow, deps: SshServiceDeps): readonly HostKey[] {
  const { host, port } = flow.facts.destination
  const plain = deriveHostKey(deps.hostSeed, host, port)
  if (!plain.ok) throw new Error(`flow to a bad host: ${host}`)
  const dialled = flow.dialled === undefined ? [] : [flow.dialled]
  const certified = mintHostCertificate({
    authority: deps.hostAuthority,
    hostKey: plain.value,
    names: [...new Set([host, ...deps.shortNames(host), ...dialled])],
    nowSeconds: Math.floor(deps.now() / 1000),
  })
  if (!certified.ok) throw new Error(`no host certificate for ${host}`)
  return [certified.value, plain.value]
}
