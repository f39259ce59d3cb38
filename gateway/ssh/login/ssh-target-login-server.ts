/**
 * The leg to the target up to the end of authentication. It begins while the user still authenticates, so that both
 * key exchanges take their time together; nothing but the key exchange is said before the user was let in.
 */
import { err, ok, type Result } from '#lib/result'
import type { SshTarget, TargetStream } from '../../enforce/ssh-service.ts'
import type { Reason } from '../../policy/reasons.ts'
import type { LoginRefusal } from '../session-end.ts'
import type { SshServiceDeps } from '../ssh-service-deps.ts'
import { SshLeg } from '../transport/ssh-leg-server.ts'
import type { TransportClosed } from '../transport/transport-types.ts'
import type { TargetCredential } from './ca.ts'
import { TargetAuthentication, type TargetStep } from './target-authentication.ts'
import { type TargetVerifier, verifierFor } from './target-host-key.ts'

/** Why the target takes no login; `detail` is for the log. */
export type TargetRefusal = { readonly reason: LoginRefusal | Reason; readonly detail: string }

export type TargetLoginHandlers = {
  /** A banner of the target, as a whole message, to be passed on. */
  readonly onBanner: (message: Buffer) => void
  /** Logged in: called before any later message of the target is read. */
  readonly onAuthenticated: () => void
  readonly onRefused: (refusal: TargetRefusal) => void
}

const KEEPALIVE_MS = 60_000

export class SshTargetLogin {
  /** Undefined when the host key of the target could not be judged: it was then hung up. */
  readonly leg: SshLeg | undefined
  /** Resolves when the target proved its host key, or could not. */
  readonly proved: Promise<Result<SshLeg, TargetRefusal>>
  #handlers: TargetLoginHandlers | undefined
  #over: TransportClosed | undefined

  constructor({ socket, limits }: SshTarget, host: string, deps: SshServiceDeps) {
    const verifier = verifierFor({
      host,
      hostKeys: limits.hostKeys,
      hostAuthorities: limits.hostAuthorities,
      signatures: deps.algorithms.target.signatures,
      isRevoked: deps.authorities.isRevoked,
      nowSeconds: () => Math.floor(deps.now() / 1000),
    })
    if (verifier.ok) {
      const leg = openLeg(socket, verifier.value, deps)
      this.leg = leg
      this.proved = new Promise((resolve) => {
        leg.onReady = () => resolve(ok(leg))
        leg.onClosed = (closed) => {
          resolve(err(refusalOf(closed)))
          this.#closed(closed)
        }
      })
    } else {
      socket.destroy()
      const { reason: detail } = verifier.error
      this.proved = Promise.resolve(err({ reason: 'host_key_unknown', detail }))
    }
  }

  /** Shows the certificate on a leg that was proved. */
  authenticate(
    leg: SshLeg,
    login: { readonly unixUser: string; readonly credential: TargetCredential },
    handlers: TargetLoginHandlers,
  ): void {
    const { sessionId } = leg.transport
    const authentication = new TargetAuthentication({ sessionId, ...login })
    this.#handlers = handlers
    leg.onPacket = ({ payload }) => this.#take(leg, authentication.receive(payload), handlers)
    if (this.#over === undefined) leg.transport.send(authentication.begin())
    else handlers.onRefused(refusalOf(this.#over))
  }

  #take(leg: SshLeg, step: TargetStep, handlers: TargetLoginHandlers): void {
    switch (step.kind) {
      case 'send':
        leg.transport.send(step.message)
        break
      case 'banner':
        handlers.onBanner(step.message)
        break
      case 'authenticated':
        handlers.onAuthenticated()
        break
      case 'refused':
        this.#handlers = undefined
        handlers.onRefused({
          reason: 'target_refused',
          detail: `${step.reason}; it takes ${step.methods.join(', ')}`,
        })
        break
    }
  }

  #closed(closed: TransportClosed): void {
    this.#over = closed
    this.#handlers?.onRefused(refusalOf(closed))
  }
}

function openLeg(socket: TargetStream, verifier: TargetVerifier, deps: SshServiceDeps): SshLeg {
  // A target that lost power says nothing; the user's end is watched by the tunnel.
  socket.setKeepAlive?.(true, KEEPALIVE_MS)
  return new SshLeg(socket, {
    role: 'client',
    algorithms: deps.algorithms.target,
    binding: deps.binding,
    ...verifier,
  })
}

function refusalOf({ reason, detail = '' }: TransportClosed): TargetRefusal {
  const isKey = reason === 'host_key_refused' || reason === 'no_common_algorithm'
  return {
    reason: isKey ? 'host_key_refused' : 'target_failed',
    detail: `${reason} ${detail}`.trim(),
  }
}
