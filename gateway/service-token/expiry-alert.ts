/**
 * When somebody is to be told that a token ends soon: 30, 7 and 1 days before, and when it has ended.
 */
import { type ServiceToken, tokenState } from './service-token.ts'

const DAY_MS = 86_400_000
/** Days before the end, the last first. */
const ALERT_DAYS = [0, 1, 7, 30] as const

/** A token with the number of days that it has at most. */
export type ExpiryAlert = { readonly token: ServiceToken; readonly daysLeft: number }

/** How many days a token has at most, of those that are told; undefined when it has longer, or is disabled anyway. */
export function alertDays(token: ServiceToken, nowMs: number): number | undefined {
  if (tokenState(token, nowMs) === 'disabled') return undefined
  return ALERT_DAYS.find((days) => token.expiresAtMs - nowMs <= days * DAY_MS)
}

/**
 * What to tell now.
 * @param told the days that were told of each token, by id and end; what is told now is added, what is over dropped.
 */
export function dueAlerts(
  tokens: readonly ServiceToken[],
  told: Map<string, number>,
  nowMs: number,
): readonly ExpiryAlert[] {
  const due: ExpiryAlert[] = []
  const known = new Map(told)
  told.clear()
  for (const token of tokens) {
    const daysLeft = alertDays(token, nowMs)
    if (daysLeft === undefined) continue
    const key = `${token.id} ${token.expiresAtMs}`
    if (known.get(key) !== daysLeft) due.push({ token, daysLeft })
    told.set(key, daysLeft)
  }
  return due
}
