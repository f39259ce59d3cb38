/** The connection protocol (RFC 4254) of one inspected session: from the target's success on, messages pass. */
import type { SshFlow, SshTarget } from '../enforce/ssh-service.ts'
import { Moderation } from '../live/moderation.ts'
import type { Recorder } from '../recording/recorder.ts'
import { listedSession } from './listed-session.ts'
import type { SshUserLogin } from './login/ssh-user-login-server.ts'
import { Grants } from './relay/grants.ts'
import { SshRelay } from './relay/relay.ts'
import type { ProtocolBreach } from './relay/relay-action.ts'
import type { Side } from './relay/side.ts'
import { type Legs, relayLegs } from './relay/ssh-relaying-server.ts'
import type { UserInput } from './relay/user-input.ts'
import type { SessionClock } from './session-clock-server.ts'
import { type GatewayEnd, moderatedText } from './session-end.ts'
import { SessionWatch } from './session-watch.ts'
import { SshHops } from './ssh-hops-server.ts'
import type { SshServiceDeps } from './ssh-service-deps.ts'
import type { SshLeg } from './transport/ssh-leg-server.ts'

export type ConnectionOf = {
  readonly flow: SshFlow
  readonly deps: Pick<SshServiceDeps, 'live' | 'log' | 'now'>
  readonly sessionId: string
  readonly recorder: Recorder | undefined
  readonly user: SshUserLogin
  readonly target: SshLeg
  readonly reached: SshTarget
  readonly unixUser: string
  readonly clock: SessionClock
  /** Ends the session; `end` of the connection is called by it. */
  readonly end: (reason: GatewayEnd) => void
  /** A side broke the protocol. */
  readonly onBreach: (side: Side, reason: ProtocolBreach) => void
}

export class SshConnection {
  readonly #of: ConnectionOf
  readonly #legs: Legs
  readonly #watch: SessionWatch
  readonly #relay: SshRelay
  readonly #hops: SshHops
  #unlist = (): void => undefined
  #isOver = false

  constructor(of: ConnectionOf) {
    const { flow, sessionId, recorder, reached } = of
    this.#of = of
    this.#legs = { user: of.user.leg, target: of.target }
    this.#watch = new SessionWatch(recorder, of.deps.log, { flow: flow.flowId, session: sessionId })
    this.#relay = new SshRelay(new Grants(reached.limits.grants), this.#watch)
    this.#hops = new SshHops({
      ...{ legs: this.#legs, watch: this.#watch, relay: this.#relay },
      ...{ flow, sessionId },
    })
  }

  begin(): void {
    const { flow, deps, user, reached, clock, recorder, sessionId } = this.#of
    const { moderation: rules, sessionTimeMs } = reached.limits
    const watch = this.#watch
    const moderation = rules && new Moderation(flow.facts.subject.userId)
    this.#unlist = deps.live.add(listedSession({ ...this.#of, watch, moderation }))
    if (moderation !== undefined) user.tell(moderatedText(sessionId))
    user.permit()
    const input = relayLegs(this.#legs, this.#relay, recorder, this.#hops, this.#of.onBreach)
    if (moderation !== undefined) this.#moderate(moderation, input, rules?.waitMs)
    const { idleTimeoutMs } = reached.permit
    clock.loggedIn(() => watch.passedOctets, { idleTimeoutMs, sessionTimeMs })
  }

  /** Nothing passes any more. @returns what resolves when nothing more is noted; undefined when nothing is now. */
  end(): Promise<unknown> | undefined {
    this.#isOver = true
    this.#hops.end()
    this.#relay.end()
    this.#unlist()
    return this.#watch.end()
  }

  /** Nothing of the user passes while no moderator is there, not even what has been read. */
  #moderate(moderation: Moderation, input: UserInput, waitMs: number | undefined): void {
    const { clock } = this.#of
    moderation.watch((isAttended) => {
      if (this.#isOver) return
      clock.awaitModerator(isAttended ? undefined : waitMs)
      if (isAttended) input.resume()
      else input.pause()
      this.#legs.user.onProgress()
    })
  }
}
