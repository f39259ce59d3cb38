/**
 * One inspected SSH session from the first octet to the last.
 *
 *   user's client ◄── key exchange, login ──► gateway ◄── key exchange ──► target
 *   target reached? (a wait for the user's login is told in a banner)
 *   UNIX user allowed? host key known? recording open? ── then only: login at the target, success to the client, relay
 */
import { randomUUID } from 'node:crypto'
import type { LogFields } from '#lib/log'
import { err, ok, type Result } from '#lib/result'
import { DISCONNECT } from '#lib/ssh/message-numbers'
import type { Missed } from '../enforce/missed.ts'
import type { SshEnd, SshFlow, SshTarget } from '../enforce/ssh-service.ts'
import type { Recorder } from '../recording/recorder.ts'
import type { CertificateMark } from '../ssh-ca/ssh-revocation.ts'
import { type Admission, admit, type LoginRequest } from './login/ssh-admission-server.ts'
import { SshTargetLogin, type TargetRefusal } from './login/ssh-target-login-server.ts'
import { SshUserLogin } from './login/ssh-user-login-server.ts'
import type { ProtocolBreach } from './relay/relay-action.ts'
import type { Side } from './relay/side.ts'
import { SessionClock } from './session-clock-server.ts'
import {
  CERTIFICATE_WANTED,
  closeReasonOf,
  GATEWAY_ENDS,
  type GatewayEnd,
  refusalText,
} from './session-end.ts'
import { SshConnection } from './ssh-connection-server.ts'
import type { SshServiceDeps } from './ssh-service-deps.ts'
import type { SshLeg } from './transport/ssh-leg-server.ts'
import type { HostKey, TransportClosed } from './transport/transport-types.ts'

/** A target, with its leg under way. */
type Arrival = { readonly reached: SshTarget; readonly target: SshTargetLogin }

export class SshSession {
  readonly #flow: SshFlow
  readonly #deps: SshServiceDeps
  readonly #id: string = randomUUID()
  readonly #user: SshUserLogin
  readonly #arrival: Promise<Result<Arrival, Missed>>
  #target: SshTargetLogin | undefined
  readonly #clock: SessionClock
  #recorder: Recorder | undefined
  #connection: SshConnection | undefined
  #decided: Promise<void> | undefined
  #recorded: Promise<void> | undefined
  #closeReason: string | undefined
  #unwatch = (): void => {}
  /** Takes the session off the count of its user's. */
  #leave: (() => void) | undefined

  /** @param hostKeys what the user's client is shown. */
  constructor(flow: SshFlow, hostKeys: readonly HostKey[], deps: SshServiceDeps) {
    this.#flow = flow
    this.#deps = deps
    this.#user = new SshUserLogin(flow, hostKeys, deps, {
      onDecide: (request) => {
        this.#decided = this.#decide(request)
      },
      onRefused: (reason, code, text) => {
        this.#end(reason, () => this.#user.leg.transport.disconnect(code, text))
      },
    })
    this.#user.leg.onClosed = (closed) => this.#end(closeReasonOf('user', closed), () => {})
    this.#clock = new SessionClock(deps.timing, {
      onLoginTooLong: () => this.#endByGateway('login_grace_exceeded'),
      onRekey: () => this.#rekey(),
      onUnattended: () => this.#endByGateway('no_moderator'),
      onIdle: () => this.#endByGateway('idle_timeout'),
      onSessionOver: () => this.#endByGateway('session_time_exceeded'),
    })
    this.#arrival = this.#arrive()
  }

  /** Resolves when both streams are closed, and so is the recording. */
  async finished(): Promise<SshEnd> {
    const { leg: user } = this.#user
    await Promise.all([user.gone, this.#arrival])
    const target = this.#target?.leg
    await target?.gone
    // It may be opening a recording still, which it then closes.
    await this.#decided
    await this.#recorded
    return {
      closeReason: this.#closeReason ?? 'done',
      fromClient: user.receivedOctets,
      fromTarget: target?.receivedOctets ?? 0,
    }
  }

  /** The target's key exchange begins as soon as it is reached, beside the user's. */
  async #arrive(): Promise<Result<Arrival, Missed>> {
    const reached = await this.#flow.reach((line) => this.#user.tell(line))
    this.#user.tell(undefined)
    if (!reached.ok) return reached
    if (this.#closeReason !== undefined) {
      reached.value.socket.destroy()
      return err('gone')
    }
    this.#target = new SshTargetLogin(reached.value, this.#host, this.#deps)
    return ok({ reached: reached.value, target: this.#target })
  }

  async #decide(request: LoginRequest): Promise<void> {
    const parts = { id: this.#id, flow: this.#flow, deps: this.#deps }
    this.#clock.pauseGrace()
    try {
      const arrived = await this.#arrival
      this.#clock.resumeGrace()
      if (!arrived.ok) return this.#missed(request.unixUser, arrived.error)
      if (this.#closeReason !== undefined) return
      const { limits } = arrived.value.reached
      if (limits.requiresCertificate && request.proof.method !== 'certificate') {
        return this.#user.insist(CERTIFICATE_WANTED)
      }
      if (!this.#enter(arrived.value.reached)) {
        return this.#refuse(request.unixUser, { reason: 'too_many_sessions', detail: '' })
      }
      const admitted = await admit(request, { ...parts, ...arrived.value })
      if (admitted.ok) this.#admitted(request, arrived.value, admitted.value)
      else this.#refuse(request.unixUser, admitted.error)
    } catch (error) {
      // A bug or broken I/O: nobody gets in.
      this.#deps.log.error({ err: error, session: this.#id }, 'ssh login failed')
      this.#endByGateway('internal_error')
    }
  }

  /** @returns false when the user has as many sessions as the permit lets one have. */
  #enter({ permit, limits }: SshTarget): boolean {
    const { userId } = this.#flow.facts.subject
    const { sessions } = this.#deps
    this.#leave = sessions.enter(userId, permit.application ?? '', limits.concurrentSessions)
    return this.#leave !== undefined
  }

  #missed(unixUser: string, reason: Missed): void {
    if (reason !== 'gone') this.#refuse(unixUser, { reason, detail: 'not reached' })
    else this.#end('given_up', () => this.#user.leg.transport.connectionLost())
  }

  #admitted(
    { unixUser, proof }: LoginRequest,
    { target, reached }: Arrival,
    { leg, credential, recorder }: Admission,
  ): void {
    this.#recorder = recorder
    if (this.#closeReason !== undefined) {
      this.#closeRecorder(this.#closeReason)
      return
    }
    if (recorder !== undefined) {
      recorder.onFailure = () => this.#endByGateway('recording_failed')
      this.#flow.onSession(this.#id)
    }
    this.#watchRevocations(proof.method === 'certificate' ? [credential, proof] : [credential])
    if (this.#closeReason !== undefined) return
    const serial = credential.serial.toString()
    this.#log({ unixUser, method: proof.method, serial, ...this.#agreed(leg) })
    const login = { unixUser, credential }
    target.authenticate(leg, login, {
      onBanner: (message) => this.#user.leg.transport.send(message),
      onAuthenticated: () => this.#begin(leg, reached, unixUser),
      onRefused: (refusal) => this.#refuse(unixUser, refusal),
    })
  }

  /** What is revoked from here on ends the session, and so does what was meanwhile (T23). */
  #watchRevocations(marks: readonly CertificateMark[]): void {
    const { authorities } = this.#deps
    const look = (): void => {
      if (marks.some(authorities.isRevoked)) this.#endByGateway('certificate_revoked')
    }
    this.#unwatch = authorities.onChange(look)
    look()
  }

  /** The target let the user in: from here on, messages pass. */
  #begin(target: SshLeg, reached: SshTarget, unixUser: string): void {
    target.onClosed = (closed) => this.#targetClosed(closed)
    this.#connection = new SshConnection({
      ...{ flow: this.#flow, deps: this.#deps, sessionId: this.#id, recorder: this.#recorder },
      ...{ user: this.#user, target, reached, unixUser, clock: this.#clock },
      end: (reason) => this.#endByGateway(reason),
      onBreach: (side, reason) => this.#breached(side, reason),
    })
    this.#connection.begin()
  }

  #breached(side: Side, reason: ProtocolBreach): void {
    this.#end(`${side}_${reason}`, () => {
      const { transport } = this.#user.leg
      transport.disconnect(DISCONNECT.protocolError, `zt: protocol error of the ${side}`)
    })
  }

  #rekey(): void {
    for (const leg of [this.#user.leg, this.#target?.leg]) {
      leg?.transport.rekey()
      leg?.onProgress()
    }
  }

  /** As direct: a DISCONNECT of the target reaches the user with its words, a broken connection breaks. */
  #targetClosed(closed: TransportClosed): void {
    const { transport } = this.#user.leg
    this.#end(closeReasonOf('target', closed), () => {
      if (closed.reason === 'connection_lost') {
        transport.flush()
        transport.connectionLost()
      } else {
        const { code = DISCONNECT.connectionLost, detail = '' } = closed
        const isPeers = closed.reason === 'disconnected'
        transport.disconnect(code, isPeers ? detail : 'zt: the connection to the target broke')
      }
    })
  }

  #refuse(unixUser: string, { reason, detail }: TargetRefusal): void {
    // The target's log has its own time beside: a wrong clock shows.
    const gatewayTime = new Date(this.#deps.now()).toISOString()
    this.#log({ unixUser, reason, detail, gatewayTime })
    this.#end(reason, () =>
      this.#user.deny(refusalText(reason, { unixUser, host: this.#host }), reason),
    )
  }

  #endByGateway(reason: GatewayEnd): void {
    this.#end(reason, () => {
      this.#user.leg.transport.disconnect(DISCONNECT.byApplication, GATEWAY_ENDS[reason])
    })
  }

  /** Ends once. Nothing passes any more from the first line on; the user is told before the connections close. */
  #end(reason: string, tellUser: () => void): void {
    if (this.#closeReason !== undefined) return
    const closeReason = this.#flow.cutReason() ?? reason
    this.#closeReason = closeReason
    this.#clock.stop()
    this.#unwatch()
    this.#leave?.()
    this.#user.leg.ignore()
    this.#target?.leg?.ignore()
    this.#closeRecorder(closeReason, this.#connection?.end())
    tellUser()
    this.#target?.leg?.transport.disconnect(DISCONNECT.byApplication, 'disconnected by user')
    this.#log({ closeReason })
  }

  /** @param noted what is still to be said of what passed. */
  #closeRecorder(reason: string, noted?: Promise<unknown>): void {
    const end = { reason, endedAtMs: this.#deps.now() }
    const close = () => this.#recorder?.close(end)
    this.#recorded = noted === undefined ? close() : noted.then(close)
  }

  #agreed(target: SshLeg): LogFields {
    const { negotiated, peerIdentification } = this.#user.leg.transport
    return { client: peerIdentification, user: negotiated, target: target.transport.negotiated }
  }

  get #host(): string {
    return this.#flow.facts.destination.host
  }

  get #about(): LogFields {
    return { flow: this.#flow.flowId, session: this.#id }
  }

  #log(fields: LogFields): void {
    this.#deps.log.info({ ...this.#about, ...fields }, 'ssh session')
  }
}
