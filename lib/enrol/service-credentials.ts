/**
 * The credentials of a service: an id that may be shown, and a secret of 256 random bits. The secret begins with a word
 * that secret scanners look for and ends with a checksum, so that a scanner or a person who pastes half of it is told
 * at once. Two headers or one carry them; a file holds the same JSON as the one header.
 */
import { createHash, randomBytes } from 'node:crypto'
import { z } from 'zod'
import { err, ok, type Result } from '#lib/result'

/** Names of the request headers, lower case: `id` and `secret` together, or `token` with both as JSON. */
export const SERVICE_HEADERS = {
  id: 'zt-service-id',
  secret: 'zt-service-secret',
  token: 'zt-service-token',
} as const

/** Longest JSON of both that is looked at, characters. */
export const SERVICE_CREDENTIALS_LIMIT = 512

const ID_PREFIX = 'zt-service-'
const ID_OCTETS = 10
const SECRET_PREFIX = 'ztsvc_'
const SECRET_OCTETS = 32
const CHECKSUM_LENGTH = 6
const ID = /^zt-service-[0-9a-f]{20}$/
const SECRET = /^ztsvc_[A-Za-z0-9_-]{49}$/

/** Shape of both, exact. */
export const SERVICE_CREDENTIALS = z.strictObject({
  id: z.string().regex(ID),
  secret: z.string().refine(isServiceSecret),
})

/** Both; never logged. */
export type ServiceCredentials = Readonly<z.infer<typeof SERVICE_CREDENTIALS>>

/** A fresh id. */
export function newServiceId(): string {
  return `${ID_PREFIX}${randomBytes(ID_OCTETS).toString('hex')}`
}

/** A fresh secret. The caller shows it once and forgets it. */
export function newServiceSecret(): string {
  const body = `${SECRET_PREFIX}${randomBytes(SECRET_OCTETS).toString('base64url')}`
  return `${body}${checksumOf(body)}`
}

/** Whether a text has the form of a secret, checksum included; says nothing about whose it is. */
export function isServiceSecret(text: string): boolean {
  const body = text.slice(0, -CHECKSUM_LENGTH)
  return SECRET.test(text) && checksumOf(body) === text.slice(-CHECKSUM_LENGTH)
}

/** Reads both from JSON, as a file or the one header holds them. Never throws, repeats nothing. */
export function decodeServiceCredentials(
  text: string,
): Result<ServiceCredentials, { readonly reason: 'bad_service_token' }> {
  return text.length > SERVICE_CREDENTIALS_LIMIT
    ? err(BAD)
    : readServiceCredentials(parseJson(text))
}

/** Takes both from a value that came from outside. Never throws. */
export function readServiceCredentials(
  value: unknown,
): Result<ServiceCredentials, { readonly reason: 'bad_service_token' }> {
  const parsed = SERVICE_CREDENTIALS.safeParse(value)
  return parsed.success ? ok(parsed.data) : err(BAD)
}

/** That JSON. */
export function encodeServiceCredentials({ id, secret }: ServiceCredentials): string {
  return JSON.stringify({ id, secret })
}

const BAD = { reason: 'bad_service_token' } as const

function checksumOf(body: string): string {
  return createHash('sha256').update(body).digest('base64url').slice(0, CHECKSUM_LENGTH)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
