/**
 * The `Proxy-Status` header (RFC 9209) of a refused flow: the standard error type for stock clients,
 * and our own `reason` parameter, which is the stable code.
 */
import { parseFieldList, printString, printToken } from './structured-field.ts'

/** What the gateway says about a refusal. */
export type ProxyStatus = {
  /** Who refused, a token: `zt-gateway`. */
  readonly proxy: string
  /** Proxy error type of RFC 9209 section 2.3, for example `destination_ip_prohibited`. */
  readonly error?: string
  /** Our stable code. */
  readonly reason?: string
  /** A sentence for a person. */
  readonly details?: string
}

/** Prints one entry. @throws {Error} when proxy, error or reason is not a token, which is a bug of the caller. */
export function printProxyStatus(status: ProxyStatus): string {
  const parts = [token(status.proxy)]
  if (status.error !== undefined) parts.push(`error=${token(status.error)}`)
  if (status.reason !== undefined) parts.push(`reason=${token(status.reason)}`)
  if (status.details !== undefined) parts.push(`details=${printString(status.details)}`)
  return parts.join('; ')
}

/**
 * Reads the header. Of several entries the last one counts: it is the hop nearest to us (RFC 9209 section 2).
 * @returns undefined for a field that does not parse, and for an empty one. Never throws.
 */
export function parseProxyStatus(text: string): ProxyStatus | undefined {
  const list = parseFieldList(text)
  const last = list.ok ? list.value.at(-1) : undefined
  if (last === undefined) return undefined
  const { parameters } = last
  return {
    proxy: last.value,
    ...optional('error', parameters.get('error')),
    ...optional('reason', parameters.get('reason')),
    ...optional('details', parameters.get('details')),
  }
}

function token(text: string): string {
  const printed = printToken(text)
  if (printed === undefined) throw new Error(`not a token: ${JSON.stringify(text)}`)
  return printed
}

function optional<K extends string>(key: K, value: string | undefined) {
  return value === undefined ? {} : ({ [key]: value } as Readonly<Record<K, string>>)
}
