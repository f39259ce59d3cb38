/**
 * A journey sealed into a cookie (JWE, A256GCM), so that the gateway keeps nothing for strangers.
 */
import { EncryptJWT, jwtDecrypt } from 'jose'
import { cookieValue, type SentWith, setCookie } from './cookies.ts'
import { type Journey, journeyShape } from './journey.ts'

/** Bound to this host, sent only over TLS, unreadable for scripts. */
export const JOURNEY_COOKIE = '__Host-zt_login'
/** As long as a device code lives, seconds. */
const LIFETIME_SECONDS = 600
/** Browsers keep no more of a cookie, name included, in octets (RFC 6265 section 6.1). */
export const COOKIE_LIMIT = 4096
const AUDIENCE = 'zt-login'

/** Key of the cookies, 32 octets: random at each start, so a restart asks people to start the page again. */
export type JourneyKey = Uint8Array

/** The `Set-Cookie` value for a journey. @throws {Error} when it does not fit: providers keep `pending` small. */
export async function journeyCookie(
  journey: Journey,
  { key, nowMs, sentWith = 'Lax' }: { key: JourneyKey; nowMs: number; sentWith?: SentWith },
): Promise<string> {
  const nowSeconds = Math.floor(nowMs / 1000)
  const sealed = await new EncryptJWT({ journey })
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
    .setAudience(AUDIENCE)
    .setIssuedAt(nowSeconds)
    .setExpirationTime(nowSeconds + LIFETIME_SECONDS)
    .encrypt(key)
  if (JOURNEY_COOKIE.length + 1 + sealed.length > COOKIE_LIMIT) {
    throw new Error(`a journey at "${journey.at}" does not fit a cookie`)
  }
  return setCookie(JOURNEY_COOKIE, sealed, { maxAgeSeconds: LIFETIME_SECONDS, sentWith })
}

/** The `Set-Cookie` value that ends a journey. */
export function endedCookie(): string {
  return setCookie(JOURNEY_COOKIE, '', { maxAgeSeconds: 0, sentWith: 'Lax' })
}

/** The journey in a `Cookie` header; undefined for none, a forged or an old one. Never throws. */
export async function readJourney(
  header: string | undefined,
  key: JourneyKey,
  nowMs: number,
): Promise<Journey | undefined> {
  const sealed = cookieValue(header ?? '', JOURNEY_COOKIE)
  if (sealed === undefined || sealed.length > COOKIE_LIMIT) return undefined
  try {
    const { payload } = await jwtDecrypt(sealed, key, {
      audience: AUDIENCE,
      keyManagementAlgorithms: ['dir'],
      contentEncryptionAlgorithms: ['A256GCM'],
      requiredClaims: ['exp'],
      currentDate: new Date(nowMs),
    })
    return journeyShape.safeParse(payload['journey']).data
  } catch {
    // jose says why by throwing; every why means: no journey
    return undefined
  }
}
