/**
 * A reason as an answer to CONNECT: status (RFC 9110 section 9.3.6) and `Proxy-Status` (RFC 9209).
 * The only place where a reason becomes wire format.
 */
import { printProxyStatus } from '#lib/wire/proxy-status'
import { type Reason, sentenceOf, toldReason } from '../policy/reasons.ts'

/** Status and headers of a refusal; header names are lower case, as HTTP/2 wants them. */
export type WireRefusal = {
  readonly status: number
  /** For a client that speaks no HTTP. */
  readonly sentence: string
  readonly headers: Readonly<Record<string, string>>
}

/**
 * The answer to a flow that is not carried.
 * @param failedChecks of a denial for want of posture.
 */
export function wireRefusal(cause: Reason, failedChecks: readonly string[] = []): WireRefusal {
  const reason = toldReason(cause)
  const { status, error } = answerFor(reason)
  const sentence = sentenceOf({ reason, failedChecks })
  const proxyStatus = printProxyStatus({
    proxy: 'zt-gateway',
    error,
    reason,
    details: sentence,
  })
  // RFC 9110 section 15.5.8: a 407 says how to authenticate; here it is a login outside of HTTP.
  const challenge: Record<string, string> =
    status === 407 ? { 'proxy-authenticate': 'ZT-Login realm="zt"' } : {}
  return { status, sentence, headers: { 'proxy-status': proxyStatus, ...challenge } }
}

/** Error types are those of RFC 9209 section 2.3. */
function answerFor(reason: Reason): { readonly status: number; readonly error: string } {
  switch (reason) {
    case 'session_expired':
    case 'session_revoked':
    case 'login_insufficient':
    case 'prompt_expired':
      return { status: 407, error: 'http_request_denied' }
    case 'address_forbidden':
    case 'address_not_permitted':
      return { status: 403, error: 'destination_ip_prohibited' }
    case 'bad_destination':
      return { status: 403, error: 'http_request_error' }
    case 'name_not_found':
      return { status: 502, error: 'dns_error' }
    case 'target_unreachable':
      return { status: 502, error: 'destination_unavailable' }
    case 'protocol_mismatch':
      return { status: 502, error: 'http_protocol_error' }
    case 'icmp_unavailable':
      return { status: 502, error: 'proxy_configuration_error' }
    case 'target_timeout':
      return { status: 504, error: 'connection_timeout' }
    case 'gateway_draining':
      return { status: 503, error: 'proxy_internal_response' }
    case 'too_many_flows':
    case 'too_many_lookups':
    case 'hold_full':
      return { status: 503, error: 'connection_limit_reached' }
    default:
      return { status: 403, error: 'http_request_denied' }
  }
}
