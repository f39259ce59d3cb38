/** Tells in the log which service tokens end soon: at the start, and each hour what has become due. */
import type { Log } from '#lib/log'
import { dueAlerts } from './expiry-alert.ts'
import type { ServiceTokens } from './service-tokens-store.ts'

export type ExpiryAlertDeps = {
  readonly serviceTokens: Pick<ServiceTokens, 'list'>
  readonly log: Pick<Log, 'warn'>
  /** Unix milliseconds. */
  readonly now: () => number
  readonly everyMs?: number
}

const HOUR_MS = 3_600_000

interface ExpiryAlerts {
  stop(): void
}

export function startExpiryAlerts({
  serviceTokens,
  log,
  now,
  everyMs = HOUR_MS,
}: ExpiryAlertDeps): ExpiryAlerts {
  const told = new Map<string, number>()
  const tell = (): void => {
    for (const { token, daysLeft } of dueAlerts(serviceTokens.list(), told, now())) {
      const { id: tokenId, name, expiresAtMs } = token
      const expiresAt = new Date(expiresAtMs).toISOString()
      const message = daysLeft === 0 ? 'service token expired' : 'service token expires soon'
      log.warn({ tokenId, name, expiresAt, daysLeft }, `${message}: rotate it`)
    }
  }
  tell()
  const timer = setInterval(tell, everyMs)
  timer.unref()
  return { stop: () => clearInterval(timer) }
}
