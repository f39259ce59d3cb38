/**
 * Looks, while the gateway is away, whether a captive portal stands in its place; tells the user, and opens it when the
 * user says so. Nothing of the machine is changed for that: what is open is open as long as this process says so.
 */
import { setMaxListeners } from 'node:events'
import type { Log } from '#lib/log'
import type { Moment } from '#lib/moment'
import { err, ok, type Result } from '#lib/result'
import { isOpen, type Opening, type Portal, type PortalObstacle } from './portal.ts'

/** Who answers; `nobody` is what a network without a way says as well. */
export type WhoAnswers =
  | { readonly who: 'gateway' | 'nobody' }
  | { readonly who: 'portal'; readonly found: FoundPortal }

/** What stands in the way. `isBlocked`: programs do not reach it, as things are. */
export type FoundPortal = {
  readonly portal: Portal
  readonly isBlocked: boolean
  /** Why it is not opened, whatever the user says. */
  readonly obstacle?: PortalObstacle
}

export type PortalDeps = {
  readonly ask: () => Promise<WhoAnswers>
  /** Whether the tunnel tries to reach the gateway, and does not. */
  readonly isAway: () => boolean
  /** For how long a user may open a portal. */
  readonly limitMs: () => number
  /** The gateway answers again: whatever waits for it may look at once. */
  readonly onGatewayBack: () => void
  readonly tell: (reason: string, sentence: string) => void
  readonly now: () => Moment
  readonly log: Log
}

/** What is open now, and its end. */
export type OpenPortal = { readonly portal: Portal; readonly until: AbortSignal }

export type PortalRefusal = { readonly reason: PortalObstacle | 'no_portal' | 'portal_not_blocked' }

/** The portal as a status has it. */
export type PortalFacts = FoundPortal & { readonly openUntilMs?: number }

export interface PortalWatch {
  readonly found: PortalFacts | undefined
  readonly open: OpenPortal | undefined
  /** The tunnel's state changed, or the machine slept. */
  refresh(): void
  openNow(): Result<void, PortalRefusal>
  closeNow(): void
  stop(): void
}

/** How often it is looked whether time is up. */
const LOOK_MS = 1_000
/** How often is asked who answers; oftener once there is a portal, since a login there ends it. */
const ASK_EVERY_MS = 10_000
const ASK_PORTAL_EVERY_MS = 3_000

type Held = Opening & { readonly end: AbortController }

export function createPortalWatch(deps: PortalDeps): PortalWatch {
  const { now, log } = deps
  let found: FoundPortal | undefined
  let held: Held | undefined
  let timer: NodeJS.Timeout | undefined
  let askAtMs = 0
  let isAsking = false

  function refresh(): void {
    if (deps.isAway()) timer ??= setInterval(look, LOOK_MS)
    else forget('gateway_answers')
    closeIfOver()
  }

  function look(): void {
    closeIfOver()
    if (isAsking || now().steadyMs < askAtMs) return
    isAsking = true
    void deps.ask().then(heard, notHeard)
  }

  function heard(answer: WhoAnswers): void {
    isAsking = false
    const every = answer.who === 'portal' ? ASK_PORTAL_EVERY_MS : ASK_EVERY_MS
    askAtMs = now().steadyMs + every
    // Meanwhile the tunnel may be up again.
    if (timer === undefined) return
    const before = found
    found = answer.who === 'portal' ? answer.found : undefined
    if (found !== undefined && before?.portal.host !== found.portal.host) tellOf(found)
    if (answer.who === 'gateway' && before !== undefined) deps.onGatewayBack()
  }

  function notHeard(error: unknown): void {
    isAsking = false
    log.warn({ error: String(error) }, 'could not look for a captive portal')
  }

  function tellOf({ portal: { host }, isBlocked, obstacle }: FoundPortal): void {
    log.warn({ host, isBlocked, ...(obstacle && { obstacle }) }, 'captive portal')
    const how = isBlocked && obstacle === undefined ? `run "zt portal open", then log in` : 'log in'
    deps.tell(
      'captive_portal',
      `A captive portal at ${host} stands before the gateway: ${how} there.`,
    )
  }

  function closeIfOver(): void {
    if (held !== undefined && !isOpen(held, now())) close('time_over')
  }

  function close(reason: string): void {
    if (held === undefined) return
    const { end, portal } = held
    held = undefined
    end.abort()
    log.warn({ host: portal.host, reason }, 'captive portal closed')
  }

  function forget(reason: string): void {
    clearInterval(timer)
    timer = undefined
    found = undefined
    askAtMs = 0
    close(reason)
  }

  return {
    get found() {
      if (found === undefined) return undefined
      if (held === undefined || !isOpen(held, now())) return found
      return { ...found, openUntilMs: held.from.wallMs + held.forMs }
    },
    get open() {
      if (held === undefined || !isOpen(held, now())) return undefined
      return { portal: held.portal, until: held.end.signal }
    },
    refresh,
    openNow() {
      if (found === undefined) return err({ reason: 'no_portal' })
      if (!found.isBlocked) return err({ reason: 'portal_not_blocked' })
      if (found.obstacle !== undefined) return err({ reason: found.obstacle })
      const forMs = deps.limitMs()
      if (forMs <= 0) return err({ reason: 'portal_forbidden' })
      close('opened_anew')
      const end = new AbortController()
      // One listener for each connection that is open.
      setMaxListeners(0, end.signal)
      held = { portal: found.portal, from: now(), forMs, end }
      const { host, addresses } = found.portal
      log.warn({ host, addresses, seconds: forMs / 1000 }, 'captive portal opened by its user')
      return ok(undefined)
    },
    closeNow: () => close('user'),
    stop: () => forget('stopped'),
  }
}
