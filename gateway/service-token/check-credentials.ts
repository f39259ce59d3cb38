/**
 * Whether somebody may act by a service token: what their headers say, and whether it is so. A stranger learns the same
 * of an id that is unknown and of a secret that is wrong; what became of a token is told only to who has its secret.
 */
import {
  decodeServiceCredentials,
  readServiceCredentials,
  SERVICE_HEADERS,
  type ServiceCredentials,
} from '#lib/enrol/service-credentials'
import { err, ok, type Result } from '#lib/result'
import { isSameText } from '#lib/same-text'
import { type ServiceToken, secretDigest, tokenRefusal } from './service-token.ts'

/** Why not. `invalid_request`: none, or more than one reading is possible. */
export type TokenRefusal =
  | 'invalid_request'
  | 'bad_service_token'
  | 'service_token_disabled'
  | 'service_token_expired'

/** Headers by lower-case name, each value as it was sent (node: `headersDistinct`). */
export type DistinctHeaders = Readonly<Record<string, readonly string[] | undefined>>

/** Takes the credentials from two headers, or from one: never from both, and never from one that was sent twice. */
export function credentialsIn(headers: DistinctHeaders): Result<ServiceCredentials, TokenRefusal> {
  const id = headers[SERVICE_HEADERS.id] ?? []
  const secret = headers[SERVICE_HEADERS.secret] ?? []
  const token = headers[SERVICE_HEADERS.token] ?? []
  const counts = [id.length, secret.length, token.length].join(' ')
  if (counts !== '1 1 0' && counts !== '0 0 1') return err('invalid_request')
  const read =
    token[0] === undefined
      ? readServiceCredentials({ id: id[0], secret: secret[0] })
      : decodeServiceCredentials(token[0])
  return read.ok ? read : err(read.error.reason)
}

/** Compared with where there is nothing to compare with: no text has this digest. */
const NO_DIGEST = '00'.repeat(32)

/**
 * Checks a secret, in constant time.
 * @param token the one that the id names, if there is one.
 */
export function checkSecret(
  token: ServiceToken | undefined,
  secret: string,
  nowMs: number,
): Result<ServiceToken, TokenRefusal> {
  const given = secretDigest(secret)
  const isCurrent = isSameText(given, token?.secretSha256 ?? NO_DIGEST)
  const isPrevious = isSameText(given, token?.previousSha256 ?? NO_DIGEST)
  const inGrace = isPrevious && nowMs < (token?.previousUntilMs ?? 0)
  if (token === undefined || !(isCurrent || inGrace)) return err('bad_service_token')
  const refusal = tokenRefusal(token, nowMs)
  return refusal === undefined ? ok(token) : err(refusal)
}
