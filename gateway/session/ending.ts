/** Which sessions in use end soon, so that their people can log in before the connection is cut. */
import type { Decision } from '../policy/decision.ts'

/** How long ahead a session's end is announced, ms. */
const AHEAD_MS = 5 * 60_000

/** A session that ends soon. */
export type EndingSession = {
  readonly deviceId: string
  readonly application: string
  /** Unix milliseconds. */
  readonly endsAtMs: number
}

type Flow = { readonly deviceId: string; readonly decision?: Decision }

/** Each session once, and only sessions that a flow is using. @param announced keys of those that were told before; grows. */
export function endingSessions(
  flows: readonly Flow[],
  announced: Set<string>,
  nowMs: number,
): readonly EndingSession[] {
  return flows.flatMap(({ deviceId, decision }) => {
    if (decision?.kind !== 'permit') return []
    const { application, sessionEndsAtMs: endsAtMs } = decision
    if (application === undefined || endsAtMs === undefined) return []
    const key = `${deviceId} ${application} ${endsAtMs}`
    if (endsAtMs - nowMs > AHEAD_MS || announced.has(key)) return []
    announced.add(key)
    return [{ deviceId, application, endsAtMs }]
  })
}

/** What the person reads. */
export function endingSentence({ application, endsAtMs }: EndingSession): string {
  const at = new Date(endsAtMs).toISOString()
  return `Your session with ${application} ends at ${at}; its connections end then. Run "zt login" to go on.`
}
