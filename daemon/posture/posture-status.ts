/** A posture check as `zt status` shows it. Pure. */
import type { PostureStatus } from '#lib/api/control-api'
import { elapsedMs, type Moment } from '#lib/moment'
import type { PostureRequest, PostureResult } from '#lib/wire/posture-message'
import type { Look } from './plan.ts'

/** What the gateway answered last. */
export type ToldResults = { readonly results: readonly PostureResult[]; readonly at: Moment }

export function postureStatus(
  { name, kind, lookAt }: PostureRequest,
  look: Look | undefined,
  told: ToldResults | undefined,
  now: Moment,
): PostureStatus {
  return {
    ...{ name, kind, lookAt },
    ...judged(name, told, now),
    ...(look !== undefined && {
      observedAt: new Date(look.at.wallMs).toISOString(),
      found: look.found,
    }),
  }
}

function judged(
  name: string,
  told: ToldResults | undefined,
  now: Moment,
): Pick<PostureStatus, 'result' | 'detail'> {
  const result = told?.results.find((one) => one.name === name)
  if (told === undefined || result === undefined) return { result: 'unknown' }
  const { passed, detail, validForMs } = result
  if (!passed) return { result: 'failed', detail }
  return elapsedMs(told.at, now) < validForMs
    ? { result: 'passed', detail }
    : { result: 'failed', detail: 'The gateway has not heard of it for too long.' }
}
