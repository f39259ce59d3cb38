/**
 * What each request of `zt` does to the device. Who may ask at all is settled in ./control-server.ts.
 */
import type { Agent } from 'node:https'
import type { ControlRequest, ControlResult, DaemonStatus } from '#lib/api/control-api'
import type { DoctorReport } from '#lib/api/doctor-api'
import { ENROL_PATHS } from '#lib/api/enrol-api'
import type { Setting } from '#lib/api/setting'
import { decodeSshCertificate, decodeSshCertificateRefusal } from '#lib/api/ssh-certificate-api'
import type { Log } from '#lib/log'
import { err, ok, type Result } from '#lib/result'
import type { FlowTarget } from '#lib/tunnel/tunnel-connection'
import type { ExplainTarget } from '#lib/wire/control-message'
import type { Device } from '../device-client.ts'
import type { DeviceNames } from '../device-names-client.ts'
import type { EnrolFailure } from '../enrol/enrol-client.ts'
import { enrolNew, loginAgain } from '../enrol/enrolment-client.ts'
import type { Registration } from '../enrol/registration.ts'
import { explainHere, withSteps } from '../explain.ts'
import { findWay } from '../flow-client.ts'
import type { PortalRefusal, PortalWatch } from '../life/portal-job.ts'
import { type LocalReason, localRefusal } from '../listen/refusal.ts'
import { parseTargetHost } from '../listen/target.ts'
import type { Told } from '../prompt/told.ts'
import { refusalOf } from '../status.ts'
import type { ControlCaller, ControlFailure, HandleControl } from './control-server.ts'

export type CommandDeps = {
  readonly device: Device
  readonly told: Told
  readonly names: Pick<DeviceNames, 'answer' | 'answerOurs'>
  readonly portal: Pick<PortalWatch, 'openNow' | 'closeNow'>
  readonly agent: Agent
  readonly status: () => DaemonStatus
  readonly settings: () => readonly Setting[]
  readonly consult: (bundle: boolean) => Promise<DoctorReport>
  /** Name of this machine, for the login page. */
  readonly machineName: string
  readonly log: Log
}

type Answer = Promise<Result<ControlResult, ControlFailure>>
type StatusMethod = 'status' | 'enroll' | 'login' | 'up' | 'down' | 'override' | 'portal'

/** Longest name that the gateway takes. */
const DEVICE_NAME_LIMIT = 64
/** How long `enroll`, `login` and `up` wait for the tunnel, so that their answer says how it went. */
const SETTLE_MS = 5_000

/** Makes the handler of the control socket. */
export function createCommands(deps: CommandDeps): HandleControl {
  const { device } = deps
  /** One login at a time: a second one would race for the same registration. */
  let isLoggingIn = false

  async function alone(work: () => Answer): Answer {
    if (isLoggingIn) return err(BUSY)
    isLoggingIn = true
    try {
      return await work()
    } finally {
      isLoggingIn = false
    }
  }

  return async (request, caller) => {
    switch (request.method) {
      case 'status':
        return done('status', deps)
      case 'enroll':
        return alone(() => enrol(request, caller, deps))
      case 'login':
        return alone(() => login(caller, deps))
      case 'logout':
        return device.lock.holds ? err(LOCKED) : alone(() => logout(deps))
      case 'up':
        if (device.registration === undefined) return err(failureFor('not_enrolled'))
        device.up()
        await device.settled(SETTLE_MS)
        return done('up', deps)
      case 'override':
        return override(request.code, deps)
      case 'portal':
        return openPortal(request.open, deps)
      case 'down':
        if (device.lock.holds) return err(LOCKED)
        await device.down()
        return done('down', deps)
      case 'settings':
        return ok({ method: 'settings', settings: deps.settings() })
      case 'apps':
        return apps(deps)
      case 'explain':
        return explain(request, deps)
      case 'prompts':
        return ok({ method: 'prompts', prompts: deps.told.prompts })
      case 'ssh_certificate':
        return sshCertificate(request, deps)
      case 'doctor':
        return ok({ method: 'doctor', report: await deps.consult(request.bundle === true) })
      case 'watch':
        return watch(caller, deps)
      case 'resolve':
        return resolve(request, deps)
    }
  }
}

async function enrol(
  request: Extract<ControlRequest, { readonly method: 'enroll' }>,
  { uid, onPrompt, signal }: ControlCaller,
  deps: CommandDeps,
): Answer {
  if (deps.device.registration !== undefined) return err(ALREADY_ENROLLED)
  const { method: _, deviceName = deps.machineName, ...where } = request
  const wish = { ...where, deviceName: deviceName.slice(0, DEVICE_NAME_LIMIT), ownerUid: uid }
  const enrolled = await enrolNew(wish, {
    agent: deps.agent,
    onPrompt,
    signal,
  })
  return adopt('enroll', enrolled, deps)
}

async function login({ onPrompt, signal }: ControlCaller, deps: CommandDeps): Answer {
  const { registration } = deps.device
  if (registration === undefined) return err(failureFor('not_enrolled'))
  const name = deps.machineName.slice(0, DEVICE_NAME_LIMIT)
  const talk = { agent: deps.agent, onPrompt, signal }
  return adopt('login', await loginAgain(registration, name, talk), deps)
}

async function adopt(
  method: StatusMethod,
  gained: Result<Registration, EnrolFailure>,
  deps: CommandDeps,
): Answer {
  if (!gained.ok) {
    const { reason, detail } = gained.error
    deps.log.warn({ method, reason }, 'login failed')
    return err({ code: reason, message: detail })
  }
  await deps.device.adopt(gained.value)
  deps.log.info({ method, deviceId: gained.value.deviceId }, 'registration kept')
  await deps.device.settled(SETTLE_MS)
  return done(method, deps)
}

async function logout(deps: CommandDeps): Answer {
  if (deps.device.registration === undefined) return err(failureFor('not_enrolled'))
  const gatewayTold = await tellLogout(deps)
  await deps.device.forget()
  deps.log.info({ gatewayTold }, 'registration forgotten')
  return ok({ method: 'logout', status: deps.status(), gatewayTold })
}

/**
 * The gateway ends the registration on its side. Out of reach, an administrator has to: the key is gone either way.
 * @returns whether it knows.
 */
async function tellLogout({ device }: CommandDeps): Promise<boolean> {
  if (device.tunnel?.status.state === 'revoked') return true
  const answer = await device.tunnel?.post(ENROL_PATHS.logoutOverTunnel, '{}')
  return answer?.ok === true && answer.value.status === 200
}

async function override(code: string, deps: CommandDeps): Answer {
  const lifted = deps.device.lock.lift(code)
  if (lifted.ok) return done('override', deps)
  const { reason } = lifted.error
  return err({ code: reason, message: CODE_REFUSALS[reason] })
}

async function openPortal(open: boolean, deps: CommandDeps): Answer {
  if (!open) deps.portal.closeNow()
  const opened = open ? deps.portal.openNow() : ok(undefined)
  if (opened.ok) return done('portal', deps)
  const { reason } = opened.error
  return err({ code: reason, message: PORTAL_REFUSALS[reason] })
}

/** Until the caller goes away. */
function watch({ onEvent, signal }: ControlCaller, { told }: CommandDeps): Answer {
  return new Promise((resolve) => {
    const stop = told.watch(onEvent)
    const leave = (): void => {
      stop()
      resolve(ok({ method: 'watch' }))
    }
    if (signal.aborted) leave()
    else signal.addEventListener('abort', leave, { once: true })
  })
}

async function resolve(
  { query, via, onlyPrivate }: Extract<ControlRequest, { readonly method: 'resolve' }>,
  { names }: CommandDeps,
): Answer {
  const ask = onlyPrivate ? names.answerOurs : names.answer
  const answer = await ask(Buffer.from(query, 'base64url'), via)
  const text = answer && Buffer.from(answer).toString('base64url')
  return ok({ method: 'resolve', ...(text !== undefined && { answer: text }) })
}

async function apps({ device }: CommandDeps): Answer {
  if (device.tunnel === undefined) return err(failureFor('not_enrolled'))
  const answer = await device.tunnel.applications()
  if (answer.ok) return ok({ method: 'apps', applications: answer.value })
  return err(askFailure(answer.error.reason, device))
}

async function sshCertificate(
  { publicKey, principals }: Extract<ControlRequest, { readonly method: 'ssh_certificate' }>,
  { device }: CommandDeps,
): Answer {
  const body = JSON.stringify({ public_key: publicKey, principals })
  const answer = await device.tunnel?.post(ENROL_PATHS.sshCertificateOverTunnel, body)
  if (answer?.ok !== true) {
    return err(askFailure(answer?.error.reason ?? 'not_connected', device))
  }
  const json = parseJson(answer.value.body)
  const certificate = answer.value.status === 200 ? decodeSshCertificate(json) : undefined
  if (certificate !== undefined) return ok({ method: 'ssh_certificate', certificate })
  const refusal = decodeSshCertificateRefusal(json)
  if (refusal === undefined) return err(askFailure('no_certificate', device))
  return err({ code: refusal.error, message: refusal.error_description })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

async function explain(
  { host, port, transport = 'tcp' }: ExplainTarget,
  { device }: CommandDeps,
): Answer {
  const target = { ...targetOf(host, port), ...(transport !== 'tcp' && { transport }) }
  const here = await explainHere(target, device.flowState, findWay)
  if (here.kind === 'answered') return ok({ method: 'explain', explanation: here.explanation })
  const answer = await device.tunnel?.explain(here.target)
  if (answer?.ok) {
    return ok({ method: 'explain', explanation: withSteps(target, here.steps, answer.value) })
  }
  const failure = askFailure(answer?.error.reason ?? 'not_connected', device)
  return err(failure)
}

/** As programs' destinations are read; what is none goes on as it is, and is said to be none. */
function targetOf(host: string, port: number): FlowTarget {
  const parsed = parseTargetHost(host)
  return { host: parsed.ok ? parsed.value : host, port }
}

function done(method: StatusMethod, { status }: CommandDeps): Result<ControlResult, never> {
  return ok({ method, status: status() })
}

/** A question without an answer: what the tunnel's state says is more to the point than the question's error. */
function askFailure(reason: string, { tunnel }: Device): ControlFailure {
  const refusal = tunnel === undefined ? 'not_enrolled' : refusalOf(tunnel.status)
  if (refusal !== undefined) return failureFor(refusal)
  if (reason === 'too_many_questions') return TOO_MANY_QUESTIONS
  return { code: reason, message: 'The gateway gave no answer. Try again; see "zt status".' }
}

function failureFor(reason: LocalReason): ControlFailure {
  return { code: reason, message: localRefusal(reason).detail ?? reason }
}

const LOCKED: ControlFailure = {
  code: 'locked',
  message:
    'Your organisation keeps the tunnel of this device on. An administrator can give you a code for a while, for "zt override".',
}
const CODE_REFUSALS = {
  not_locked: 'This device is not locked: nothing has to be overridden.',
  bad_code: 'This is no override code: it has four groups of four letters and digits.',
  wrong_code: 'This code is mistyped, or not for this device.',
  code_expired: 'This code has expired. Ask for another one.',
  code_used: 'This code was used already. Ask for another one.',
  too_many_guesses: 'Too many wrong codes. Wait ten minutes.',
} as const
const PORTAL_REFUSALS: Readonly<Record<PortalRefusal['reason'], string>> = {
  no_portal:
    'No captive portal was found. See "zt status", and "zt doctor" for the way to the gateway.',
  portal_not_blocked: 'Nothing keeps you from the captive portal: open it in a browser.',
  portal_forbidden: 'Captive portals are not opened on this device (captive_portal is 0).',
  portal_is_ours: 'What poses as a captive portal bears a name or an address of your organisation.',
  portal_unreachable: 'The captive portal has no address that leads anywhere.',
  portal_port:
    'The page of the captive portal is at another port than 53, 80 and 443, which alone are opened.',
  daemon_is_user:
    'zt-daemon runs as a user whose traffic it takes. Let it run as a user of its own, as a service.',
}
const TOO_MANY_QUESTIONS: ControlFailure = {
  code: 'too_many_questions',
  message: 'This device asked too often. Wait a minute.',
}
const BUSY: ControlFailure = {
  code: 'login_in_progress',
  message: 'Another enrolment or login is going on. Finish it, or wait until it expires.',
}
const ALREADY_ENROLLED: ControlFailure = {
  code: 'already_enrolled',
  message: 'This device is enrolled. Run "zt login" to log in again, or "zt logout" first.',
}
