/**
 * The life of a service token. Its secret is kept as a plain SHA-256: with 256 random bits there is nothing to guess,
 * so a slow hash would only make the check slow.
 *
 *   active ──disable──► disabled ──enable──► active      every state ──its time──► expired ──rotate──► active
 */
import { createHash } from 'node:crypto'
import { newServiceId, newServiceSecret } from '#lib/enrol/service-credentials'
import type { Identity } from '../identity/identity.ts'
import type { ServiceIdentity } from '../policy/facts.ts'

/** A token as it is stored. Times are Unix milliseconds. */
export type ServiceToken = {
  readonly id: string
  /** Policies name it; one token each. See `isTokenName`. */
  readonly name: string
  /** Of the secret, hex. */
  readonly secretSha256: string
  /** Of the secret before the last rotation, which is good until its time. */
  readonly previousSha256?: string
  readonly previousUntilMs?: number
  readonly createdAtMs: number
  readonly expiresAtMs: number
  readonly rotatedAtMs?: number
  /** When the secret was shown, or a device of it renewed; to the minute. */
  readonly lastUsedAtMs?: number
  readonly disabledAtMs?: number
}

/** What a token is good for now. */
export type TokenState = 'active' | 'disabled' | 'expired'

/** A token with its secret, which exists here only. */
export type IssuedToken = { readonly token: ServiceToken; readonly secret: string }

/** Provider of the users that stand for tokens: no configured provider can have a colon in its name. */
export const SERVICE_PROVIDER = 'zt:service'

/** The service that a user stands for; undefined for a person. */
export function serviceOf(
  user: Pick<Identity, 'provider' | 'providerSubject' | 'name'> | undefined,
): Pick<ServiceIdentity, 'tokenId' | 'name'> | undefined {
  if (user?.provider !== SERVICE_PROVIDER) return undefined
  return { tokenId: user.providerSubject, name: user.name }
}

const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/

/** No `@`: a token's name stands where addresses of people stand, and must be none. */
export function isTokenName(text: string): boolean {
  return NAME.test(text)
}

/** Makes a token. @param name as `isTokenName` has it. */
export function newServiceToken(name: string, lifetimeMs: number, nowMs: number): IssuedToken {
  const secret = newServiceSecret()
  const token = {
    id: newServiceId(),
    name,
    secretSha256: secretDigest(secret),
    createdAtMs: nowMs,
    expiresAtMs: endOf(nowMs, lifetimeMs),
  }
  return { token, secret }
}

/**
 * Gives a token another secret and a new life. The secret before is good for `graceMs`, but not longer than it would
 * have been; the one before that ends now.
 */
export function rotateToken(
  token: ServiceToken,
  { graceMs, lifetimeMs }: { readonly graceMs: number; readonly lifetimeMs: number },
  nowMs: number,
): IssuedToken {
  const { previousSha256: _digest, previousUntilMs: _until, ...kept } = token
  const previousUntilMs = Math.min(nowMs + graceMs, token.expiresAtMs)
  const hasGrace = previousUntilMs > nowMs
  const secret = newServiceSecret()
  const rotated = {
    ...kept,
    ...(hasGrace && { previousSha256: token.secretSha256, previousUntilMs }),
    secretSha256: secretDigest(secret),
    rotatedAtMs: nowMs,
    expiresAtMs: endOf(nowMs, lifetimeMs),
  }
  return { token: rotated, secret }
}

/** What it is good for. Disabled counts before expired: it is somebody's word. */
export function tokenState(
  { disabledAtMs, expiresAtMs }: Pick<ServiceToken, 'disabledAtMs' | 'expiresAtMs'>,
  nowMs: number,
): TokenState {
  if (disabledAtMs !== undefined) return 'disabled'
  return expiresAtMs <= nowMs ? 'expired' : 'active'
}

/** Why it is good for nothing now; undefined when it is good. */
export function tokenRefusal(
  token: Pick<ServiceToken, 'disabledAtMs' | 'expiresAtMs'>,
  nowMs: number,
): 'service_token_disabled' | 'service_token_expired' | undefined {
  const state = tokenState(token, nowMs)
  return state === 'active' ? undefined : (`service_token_${state}` as const)
}

/** What policy is told of it. */
export function serviceIdentity(token: ServiceToken): ServiceIdentity {
  const { id, name, expiresAtMs, disabledAtMs } = token
  return {
    tokenId: id,
    name,
    expiresAtMs,
    ...(disabledAtMs !== undefined && { isDisabled: true as const }),
  }
}

/** What is stored of a secret, hex. */
export function secretDigest(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

/** In whole seconds, as decisions are made: everybody then sees the end at the same moment. */
function endOf(nowMs: number, lifetimeMs: number): number {
  return Math.floor((nowMs + lifetimeMs) / 1000) * 1000
}
