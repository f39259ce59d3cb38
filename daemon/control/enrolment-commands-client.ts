/** `enroll`, `login` and `logout`: a registration gained, renewed and given back. */
import type { ControlRequest } from '#lib/api/control-api'
import { ENROL_PATHS } from '#lib/api/enrol-api'
import { err, ok, type Result } from '#lib/result'
import type { EnrolFailure } from '../enrol/enrol-client.ts'
import { enrolNew, loginAgain } from '../enrol/enrolment-client.ts'
import type { Registration } from '../enrol/registration.ts'
import {
  type Answer,
  type CommandDeps,
  done,
  SETTLE_MS,
  type StatusMethod,
} from './control-command.ts'
import { ALREADY_ENROLLED, failureFor } from './control-refusals.ts'
import type { ControlCaller } from './control-server.ts'

/** Longest name that the gateway takes. */
const DEVICE_NAME_LIMIT = 64

export async function enrol(
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

export async function login({ onPrompt, signal }: ControlCaller, deps: CommandDeps): Answer {
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

export async function logout(deps: CommandDeps): Answer {
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
