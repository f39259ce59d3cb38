/**
 * What each request of `zt` does to the device. Who may ask at all is settled in ./control-server.ts.
 */
import type { ControlRequest } from '#lib/api/control-api'
import { err, ok } from '#lib/result'
import { type Answer, type CommandDeps, done, SETTLE_MS } from './control-command.ts'
import { BUSY, CODE_REFUSALS, failureFor, LOCKED, PORTAL_REFUSALS } from './control-refusals.ts'
import type { ControlCaller, HandleControl } from './control-server.ts'
import { enrol, login, logout } from './enrolment-commands-client.ts'
import { apps, explain, sshCertificate } from './gateway-questions-client.ts'

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
