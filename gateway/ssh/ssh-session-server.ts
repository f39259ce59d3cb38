/**
 * One inspected SSH session from the first octet to the last.
 *
 *   user's client ◄── key exchange, login ──► gateway ◄── key exchange ──► target
 *   UNIX user allowed? host key known? recording open? ── then only: login at the target, success to the client, relay
 */
import { randomUUID } from 'node:crypto'
import { DISCONNECT } from '#lib/ssh/message-numbers'
import type { SshEnd, SshFlow } from '../enforce/ssh-service.ts'
import type { SshLimits } from '../policy/decision.ts'
import type { Recorder } from '../recording/recorder.ts'
import { DEFAULT_VERBS } from './policy-verbs.ts'
import { SshRelay } from './relay.ts'
import { closeReasonOf, GATEWAY_ENDS, type GatewayEnd, refusalText } from './session-end.ts'
import { SessionWatch } from './session-watch.ts'
import { certifyLogin, openRecording } from './ssh-admission-server.ts'
import type { SshLeg } from './ssh-leg-server.ts'
import { relayLegs } from './ssh-relaying-server.ts'
import type { SshServiceDeps } from './ssh-service-deps.ts'
import { SshTargetLogin, type TargetRefusal } from './ssh-target-login-server.ts'
import { SshUserLogin } from './ssh-user-login-server.ts'
import type { TransportClosed } from './transport-types.ts'
import type { UserProof } from './user-proof.ts'

/** An idle time-out is looked at this many times within its length. */
const IDLE_LOOKS = 8

export class SshSession {
  readonly #flow: SshFlow
  readonly #limits: SshLimits
  readonly #deps: SshServiceDeps
  /** Names the recording and the certificate; never user-controlled. */
  readonly #id: string = randomUUID()
  readonly #user: SshUserLogin
  readonly #target: SshTargetLogin
  readonly #graceTimer: NodeJS.Timeout
  readonly #timers: NodeJS.Timeout[] = []
  #recorder: Recorder | undefined
  #relay: SshRelay | undefined
  #recorded: Promise<void> = Promise.resolve()
  #closeReason: string | undefined

  constructor(flow: SshFlow, limits: SshLimits, deps: SshServiceDeps) {
    this.#flow = flow
    this.#limits = limits
    this.#deps = deps
    this.#user = new SshUserLogin(flow, deps, {
      onDecide: (unixUser, proof) => {
        this.#decide(unixUser, proof).catch((error) => this.#failed(error))
      },
      onRefused: (reason, code, text) => {
        this.#end(reason, () => this.#user.leg.transport.disconnect(code, text))
      },
    })
    this.#user.leg.onClosed = (closed) => this.#end(closeReasonOf('user', closed), () => {})
    this.#target = new SshTargetLogin(flow, limits, deps)
    const tooLong = (): void => this.#endByGateway('login_grace_exceeded')
    this.#graceTimer = setTimeout(tooLong, deps.timing.loginGraceMs)
  }

  /** Resolves when both streams are closed and the recording is. */
  async finished(): Promise<SshEnd> {
    const { leg: user } = this.#user
    const { leg: target } = this.#target
    await Promise.all([user.gone, target?.gone])
    await this.#recorded
    return {
      closeReason: this.#closeReason ?? 'done',
      fromClient: user.receivedOctets,
      fromTarget: target?.receivedOctets ?? 0,
    }
  }

  async #decide(unixUser: string, proof: UserProof): Promise<void> {
    const refusal = await this.#admit(unixUser, proof)
    if (refusal !== undefined) this.#refuse(unixUser, refusal)
  }

  /** A bug or broken I/O: nobody gets in. */
  #failed(error: unknown): void {
    this.#deps.log.error({ err: error, session: this.#id }, 'ssh login failed')
    this.#endByGateway('internal_error')
  }

  /** Everything that must hold before the target is asked to let the user in. */
  async #admit(unixUser: string, proof: UserProof): Promise<TargetRefusal | undefined> {
    if (!this.#limits.unixUsers.includes(unixUser)) {
      return { reason: 'unix_user_not_allowed', detail: unixUser }
    }
    if (proof.method === 'certificate' && proof.forceCommand !== undefined) {
      return { reason: 'force_command_unsupported', detail: proof.keyId }
    }
    const proved = await this.#target.proved
    if (!proved.ok) return proved.error
    const credential = certifyLogin(this.#flow, this.#id, unixUser, this.#deps)
    if (this.#limits.record === 'required') {
      const { serial } = credential
      const opened = await openRecording(this.#flow, this.#id, { unixUser, serial }, this.#deps)
      if (!opened.ok) return opened.error
      this.#use(opened.value)
    }
    if (this.#closeReason !== undefined) return undefined
    const { method } = proof
    const serial = credential.serial.toString()
    this.#log({ unixUser, method, serial, ...this.#agreed(proved.value) })
    this.#target.authenticate(
      proved.value,
      { unixUser, credential },
      {
        onBanner: (message) => this.#user.leg.transport.send(message),
        onAuthenticated: () => this.#begin(proved.value),
        onRefused: (refused) => this.#refuse(unixUser, refused),
      },
    )
    return undefined
  }

  #use(recorder: Recorder): void {
    this.#recorder = recorder
    recorder.onFailure = () => this.#endByGateway('recording_failed')
    if (this.#closeReason === undefined) this.#flow.onSession(this.#id)
    else this.#closeRecorder(this.#closeReason)
  }

  /** The target let the user in: from here on, messages pass. */
  #begin(target: SshLeg): void {
    clearTimeout(this.#graceTimer)
    const about = { flow: this.#flow.flowId, session: this.#id }
    const watch = new SessionWatch(this.#recorder, this.#deps.log, about)
    const relay = new SshRelay(DEFAULT_VERBS, watch)
    this.#relay = relay
    const user = this.#user.leg
    this.#user.permit()
    target.onClosed = (closed) => this.#targetClosed(closed)
    relayLegs({ user, target }, relay, this.#recorder, (side, reason) => {
      const words = side === 'user' ? 'protocol error' : 'the target broke the protocol'
      this.#end(`${side}_${reason}`, () => {
        user.transport.disconnect(DISCONNECT.protocolError, words)
      })
    })
    this.#rekeyFromTimeToTime(user, target)
    this.#watchIdle(watch)
  }

  #rekeyFromTimeToTime(user: SshLeg, target: SshLeg): void {
    const rekey = (): void => {
      for (const leg of [user, target]) {
        leg.transport.rekey()
        leg.onProgress()
      }
    }
    this.#timers.push(setInterval(rekey, this.#deps.timing.rekeyAfterMs))
  }

  #watchIdle(watch: SessionWatch): void {
    const { idleTimeoutMs } = this.#flow.permit
    if (idleTimeoutMs === undefined) return
    let passed = -1
    let quietLooks = 0
    const look = (): void => {
      quietLooks = watch.passedOctets === passed ? quietLooks + 1 : 0
      passed = watch.passedOctets
      if (quietLooks >= IDLE_LOOKS) this.#endByGateway('idle_timeout')
    }
    this.#timers.push(setInterval(look, idleTimeoutMs / IDLE_LOOKS))
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
    const { host } = this.#flow.facts.destination
    this.#log({ unixUser, reason, detail, gatewayTime: new Date(this.#deps.now()).toISOString() })
    this.#end(reason, () => this.#user.deny(refusalText(reason, { unixUser, host }), reason))
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
    clearTimeout(this.#graceTimer)
    for (const timer of this.#timers) clearInterval(timer)
    const { leg: user } = this.#user
    const { leg: target } = this.#target
    for (const leg of [user, target]) if (leg !== undefined) stopReading(leg)
    this.#relay?.end()
    this.#closeRecorder(closeReason)
    tellUser()
    target?.transport.disconnect(DISCONNECT.byApplication, 'disconnected by user')
    this.#log({ closeReason })
  }

  #closeRecorder(reason: string): void {
    const closed = this.#recorder?.close({ reason, endedAtMs: this.#deps.now() })
    if (closed !== undefined) this.#recorded = closed
  }

  #agreed(target: SshLeg): {
    readonly user: unknown
    readonly target: unknown
    readonly client: string
  } {
    const { negotiated, peerIdentification } = this.#user.leg.transport
    return { client: peerIdentification, user: negotiated, target: target.transport.negotiated }
  }

  #log(fields: Record<string, unknown>): void {
    const about = { flow: this.#flow.flowId, session: this.#id }
    this.#deps.log.info({ ...about, ...fields }, 'ssh session')
  }
}

function stopReading(leg: SshLeg): void {
  leg.onPacket = () => {}
  leg.onProgress = () => {}
}
