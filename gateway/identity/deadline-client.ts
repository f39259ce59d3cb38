/**
 * A provider that never waits for longer than it may: whoever logs in there is told, and everybody else is not held up.
 * Providers have time limits of their own for each request; this one is for all of a step.
 */
import { err } from '#lib/result'
import type { FormStep, IdentityProvider, LoginResult } from './identity-provider.ts'

/** Discovery, keys, token and user information one after the other, ms. The browser's connection lasts longer. */
export const PROVIDER_LIMIT_MS = 25_000

/** The same provider, whose steps end as `provider_unreachable` after `limitMs`. */
export function withDeadline(provider: IdentityProvider, limitMs: number): IdentityProvider {
  const late = (): LoginResult<never> => err({ reason: 'provider_unreachable' })
  if (provider.kind === 'redirect') {
    return {
      ...provider,
      begin: (wish) => within(limitMs, provider.begin(wish), late),
      finish: (answer, pending) => within(limitMs, provider.finish(answer, pending), late),
    }
  }
  const refused = (): FormStep => ({ kind: 'refused', reason: 'provider_unreachable' })
  return {
    ...provider,
    answer: (typed, pending, source) =>
      within(limitMs, provider.answer(typed, pending, source), refused),
  }
}

async function within<T>(limitMs: number, work: Promise<T>, late: () => T): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(late()), limitMs)
  })
  try {
    return await Promise.race([work, limit])
  } finally {
    clearTimeout(timer)
  }
}
