/**
 * What a failed exchange with an identity provider means to us: a reason, and a code for the log.
 */
import * as oidc from 'openid-client'
import type { IdentityReason } from './oidc.ts'
import type { SamlReason } from './saml/reasons.ts'

/** Why nobody was logged in. */
export type LoginReason =
  | IdentityReason
  | SamlReason
  | 'provider_unreachable'
  | 'provider_refused'
  | 'bad_provider_answer'

/** The reason behind what openid-client threw. Unknown failures are the provider's bad answer: nobody is logged in. */
export function reasonOf(error: unknown): LoginReason {
  if (error instanceof oidc.AuthorizationResponseError) return 'provider_refused'
  if (isNetworkError(error)) return 'provider_unreachable'
  return 'bad_provider_answer'
}

/** fetch wraps what failed below it in a TypeError; a timeout is a DOMException. */
function isNetworkError(error: unknown): boolean {
  const name = error instanceof Error ? error.name : ''
  const cause = error instanceof Error ? error.cause : undefined
  const inner = cause instanceof Error ? cause.name : ''
  const timeouts = ['TimeoutError', 'AbortError']
  const isFetch = error instanceof TypeError && error.message === 'fetch failed'
  return isFetch || timeouts.includes(name) || timeouts.includes(inner)
}

/** A code for the log: never the message, which may quote what the provider or the browser sent. */
export function errorCode(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  const inner = error.cause instanceof Error ? `: ${codeOf(error.cause)}` : ''
  return `${codeOf(error)}${inner}`
}

function codeOf(error: Error): string {
  const code: unknown = Reflect.get(error, 'code')
  return typeof code === 'string' && /^[\w.-]{1,64}$/.test(code) ? code : error.name
}
