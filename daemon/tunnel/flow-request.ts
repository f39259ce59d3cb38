/** A flow as a CONNECT request, and the answer that refuses it. */

import type { FlowClaims, FlowRefusal } from '#lib/tunnel/tunnel-connection'
import { parseProxyStatus } from '#lib/wire/proxy-status'
import { printString } from '#lib/wire/structured-field'

/** The claims as a structured field (RFC 9651), or no header. */
export function claimsHeader(claims: FlowClaims): Readonly<Record<string, string>> {
  const { process, correlationId } = claims
  if (process === undefined && correlationId === undefined) return {}
  const parameters = [
    ...(process === undefined ? [] : [`process=${printString(process)}`]),
    ...(correlationId === undefined ? [] : [`correlation=${printString(correlationId)}`]),
  ]
  return { 'zt-flow': ['flow', ...parameters].join('; ') }
}

/** What a status other than 200 means; an answer without our `Proxy-Status` has the reason `refused`. */
export function refusalOf(status: number, header: string | string[] | undefined): FlowRefusal {
  const text = Array.isArray(header) ? header.join(', ') : (header ?? '')
  const parsed = parseProxyStatus(text)
  return {
    status,
    reason: parsed?.reason ?? 'refused',
    ...(parsed?.details === undefined ? {} : { detail: parsed.details }),
  }
}
