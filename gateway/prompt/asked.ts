/** What a denial asks of the user, and whether a login answers it. */
import { err, ok, type Result } from '#lib/result'
import type { LoginContext } from '../identity/identity.ts'
import type { Facts } from '../policy/facts.ts'
import type { InteractiveDenial } from './hold.ts'
import type { Asked } from './prompt-book.ts'
import type { Prompt, PromptReason } from './prompts.ts'

/** @param deviceName as the device called itself; for the page. */
export function askedBy(
  { application, policy, remedy, reason, prompt }: InteractiveDenial,
  { subject, sourceAddress, destination }: Facts,
  deviceName: string,
): Asked {
  const { host, port } = destination
  return {
    deviceId: subject.deviceId,
    deviceName,
    sourceAddress,
    userId: subject.userId,
    userEmail: subject.email,
    application: application ?? `${host}:${port}`,
    ...(policy !== undefined && { policy }),
    ...{ host, port, remedy, reason },
    ...(prompt?.maxAgeSeconds !== undefined && { maxAgeSeconds: prompt.maxAgeSeconds }),
    ...(prompt?.acrValues !== undefined && { acrValues: prompt.acrValues }),
  }
}

/** Whether a login is as new and as strong as the prompt asks. */
export function judgeLogin(
  { maxAgeSeconds, acrValues }: Pick<Prompt, 'maxAgeSeconds' | 'acrValues'>,
  { atMs, acr }: LoginContext,
  nowMs: number,
): Result<void, PromptReason> {
  if (maxAgeSeconds !== undefined && atMs + maxAgeSeconds * 1000 <= nowMs) {
    return err('login_too_old')
  }
  const isWeak = acrValues !== undefined && (acr === undefined || !acrValues.includes(acr))
  return isWeak ? err('login_too_weak') : ok(undefined)
}
