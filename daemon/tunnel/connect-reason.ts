/** Errors of Node's sockets and TLS as stable reasons of a tunnel that did not come up. */

/** Codes a user can act on; everything else is `connection_failed`. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection_refused',
  ECONNRESET: 'connection_lost',
  EPIPE: 'connection_lost',
  ENOTFOUND: 'name_not_found',
  EAI_AGAIN: 'name_not_found',
  ETIMEDOUT: 'connect_timeout',
  ABORT_ERR: 'connect_timeout',
  EHOSTUNREACH: 'network_unreachable',
  ENETUNREACH: 'network_unreachable',
  ERR_TLS_CERT_ALTNAME_INVALID: 'gateway_not_trusted',
  // OpenSSL's verification results that mean: not signed by the pinned authority, or not valid now.
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'gateway_not_trusted',
  UNABLE_TO_GET_ISSUER_CERT: 'gateway_not_trusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'gateway_not_trusted',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'gateway_not_trusted',
  SELF_SIGNED_CERT_IN_CHAIN: 'gateway_not_trusted',
  CERT_SIGNATURE_FAILURE: 'gateway_not_trusted',
  INVALID_PURPOSE: 'gateway_not_trusted',
  CERT_NOT_YET_VALID: 'gateway_certificate_not_valid_now',
  CERT_HAS_EXPIRED: 'gateway_certificate_not_valid_now',
}

/** The reason behind an error of `net`, `tls` or `http2`; a proxy's error carries its own `reason`. */
export function connectReason(error: unknown): string {
  if (!(error instanceof Error)) return 'connection_failed'
  if ('reason' in error && typeof error.reason === 'string' && SNAKE_CASE.test(error.reason)) {
    return error.reason
  }
  const code = 'code' in error ? String(error.code) : ''
  const known = REASONS[code]
  if (known !== undefined) return known
  return code.startsWith('ERR_SSL') ? 'tls_failed' : 'connection_failed'
}

/** OpenSSL puts prose in `reason`; ours is a code. */
const SNAKE_CASE = /^[a-z]+(?:_[a-z]+)+$/
