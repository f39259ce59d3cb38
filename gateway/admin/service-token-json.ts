/** A service token as the admin API shows it: no secret, and no digest of one. Pure. */
import { alertDays } from '../service-token/expiry-alert.ts'
import { type ServiceToken, tokenState } from '../service-token/service-token.ts'
import { times } from './admin-json.ts'

/** `endsWithinDays`: 0, 1, 7 or 30, when the end is near enough to be told. */
export function serviceTokenJson(token: ServiceToken, nowMs: number) {
  const endsWithinDays = alertDays(token, nowMs)
  const { previousUntilMs = 0 } = token
  return {
    id: token.id,
    name: token.name,
    state: tokenState(token, nowMs),
    ...(endsWithinDays !== undefined && { endsWithinDays }),
    ...times({
      createdAt: token.createdAtMs,
      expiresAt: token.expiresAtMs,
      rotatedAt: token.rotatedAtMs,
      oldSecretUntil: previousUntilMs > nowMs ? previousUntilMs : undefined,
      lastUsedAt: token.lastUsedAtMs,
      disabledAt: token.disabledAtMs,
    }),
  }
}
