/**
 * What the user did in the browser, carried over to those who wait. It changes facts; all that the device has open is
 * then decided again, and whoever is permitted by that goes on.
 */
import { err, ok, type Result } from '#lib/result'
import type { AccessChange } from '../access-change.ts'
import type { LoginContext } from '../identity/identity.ts'
import type { Device, User } from '../store/store.ts'
import { judgeLogin } from './asked.ts'
import type { OpenPrompt } from './hold.ts'
import type { Holding } from './hold-job.ts'
import type { Prompt, PromptDesk, PromptReason } from './prompts.ts'

export type PromptDeskDeps = {
  readonly holding: Pick<Holding, 'find' | 'waitingFor' | 'end'>
  readonly device: (id: string) => Device | undefined
  readonly keepLogin: (deviceId: string, login: LoginContext) => void
  readonly keepPurpose: (prompt: Prompt, purpose: string) => void
  /** Has live flows decided again; resolves when they are. */
  readonly settle: (change: AccessChange) => Promise<void>
  /** Unix milliseconds. */
  readonly now: () => number
}

export function createPromptDesk(deps: PromptDeskDeps): PromptDesk {
  const { holding } = deps

  /** The prompt while it is open, for the user it is for. */
  function admit({ id }: Prompt, user: User): Result<OpenPrompt, PromptReason> {
    const prompt = holding.find(id)
    if (prompt === undefined) return err('prompt_expired')
    return user.id === prompt.userId ? ok(prompt) : err('different_user')
  }

  /** @param verdict on what the user did, as far as the prompt alone can tell; the decisions count. */
  async function conclude(
    prompt: OpenPrompt,
    verdict: Result<void, PromptReason>,
  ): Promise<Result<void, PromptReason>> {
    await deps.settle({ kind: 'device', deviceId: prompt.deviceId })
    if (holding.waitingFor(prompt.id) > 0) return verdict.ok ? err('login_too_weak') : verdict
    // Whoever waited goes on, which ended the prompt; or gave up before, which did not.
    if (holding.find(prompt.id) === undefined) return ok(undefined)
    if (verdict.ok) holding.end(prompt, 'satisfied')
    return verdict
  }

  return {
    find: holding.find,
    async loggedIn(asked, user, login) {
      const admitted = admit(asked, user)
      if (!admitted.ok) return admitted
      const prompt = admitted.value
      const device = deps.device(prompt.deviceId)
      if (device?.userId !== user.id) return err('prompt_expired')
      if (login.atMs > device.login.atMs) deps.keepLogin(device.id, login)
      return conclude(prompt, judgeLogin(prompt, login, deps.now()))
    },
    async justified(asked, user, purpose) {
      const admitted = admit(asked, user)
      if (!admitted.ok) return admitted
      deps.keepPurpose(admitted.value, purpose)
      return conclude(admitted.value, ok(undefined))
    },
  }
}
