/**
 * How far one browser is with the device page: sealed into a cookie (JWE, A256GCM), so that the gateway keeps nothing for
 * strangers. The store alone says what an enrolment's state is: an old cookie cannot turn it back.
 */
import { randomBytes } from 'node:crypto'
import { EncryptJWT, jwtDecrypt } from 'jose'
import { z } from 'zod'

/** Bound to this host, sent only over TLS, unreadable for scripts; Lax since the provider sends the browser back. */
export const SESSION_COOKIE = '__Host-zt_login'
/** As long as a device code lives, seconds. */
const LIFETIME_SECONDS = 600
/** A cookie larger than this is none of ours, characters. */
const COOKIE_LIMIT = 4096
const AUDIENCE = 'zt-login'

const csrf = z.string().length(43)
const deviceCodeSha256 = z.string().length(64)
const login = z.strictObject({
  atMs: z.number(),
  amr: z.array(z.string()).readonly().exactOptional(),
  acr: z.string().exactOptional(),
  notAfterMs: z.number().exactOptional(),
})
const stage = z.discriminatedUnion('at', [
  z.strictObject({ at: z.literal('code'), csrf }),
  z.strictObject({ at: z.literal('device'), csrf, deviceCodeSha256 }),
  z.strictObject({
    at: z.literal('provider'),
    csrf,
    deviceCodeSha256,
    provider: z.string(),
    pending: z.record(z.string(), z.string()),
  }),
  z.strictObject({ at: z.literal('confirm'), csrf, deviceCodeSha256, userId: z.string(), login }),
])

/** Code typed or not, device seen, gone to the provider, back as somebody. Each stage has a csrf token of its own. */
export type BrowserSession = Readonly<z.infer<typeof stage>>
type At<Name extends BrowserSession['at']> = Extract<BrowserSession, { readonly at: Name }>

/** Key of the cookies, 32 octets: random at each start, so a restart asks people to start the page again. */
export type SessionKey = Uint8Array

/** A fresh token against forged requests (RFC 6749 section 10.12); new at each stage, so none can be planted. */
export function newCsrf(): string {
  return randomBytes(32).toString('base64url')
}

/** The `Set-Cookie` value for a session. */
export async function sessionCookie(
  session: BrowserSession,
  key: SessionKey,
  nowMs: number,
): Promise<string> {
  const nowSeconds = Math.floor(nowMs / 1000)
  const sealed = await new EncryptJWT({ session })
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
    .setAudience(AUDIENCE)
    .setIssuedAt(nowSeconds)
    .setExpirationTime(nowSeconds + LIFETIME_SECONDS)
    .encrypt(key)
  return setCookie(sealed, LIFETIME_SECONDS)
}

/** The `Set-Cookie` value that ends a session. */
export function endedCookie(): string {
  return setCookie('', 0)
}

function setCookie(value: string, maxAgeSeconds: number): string {
  return `${SESSION_COOKIE}=${value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=${maxAgeSeconds}`
}

/** The session in a `Cookie` header; undefined for none, a forged or an old one. Never throws. */
export async function readSession(
  header: string | undefined,
  key: SessionKey,
  nowMs: number,
): Promise<BrowserSession | undefined> {
  const sealed = cookieValue(header ?? '')
  if (sealed === undefined || sealed.length > COOKIE_LIMIT) return undefined
  try {
    const { payload } = await jwtDecrypt(sealed, key, {
      audience: AUDIENCE,
      keyManagementAlgorithms: ['dir'],
      contentEncryptionAlgorithms: ['A256GCM'],
      requiredClaims: ['exp'],
      currentDate: new Date(nowMs),
    })
    return stage.safeParse(payload['session']).data
  } catch {
    // jose says why by throwing; every why means: no session
    return undefined
  }
}

/** Two cookies of this name cannot both be ours: then there is none. */
function cookieValue(header: string): string | undefined {
  const prefix = `${SESSION_COOKIE}=`
  const found = header.split(';').filter((pair) => pair.trim().startsWith(prefix))
  return found.length === 1 ? found[0]?.trim().slice(prefix.length) : undefined
}

/** The session if it stands at this stage. */
export function sessionAt<Name extends BrowserSession['at']>(
  session: BrowserSession | undefined,
  name: Name,
): At<Name> | undefined {
  return session?.at === name ? (session as At<Name>) : undefined
}
