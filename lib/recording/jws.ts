/**
 * Signed statements: compact JWS (RFC 7515) in exactly one spelling, so that no octet can change unnoticed.
 */
import {
  CompactSign,
  type CryptoKey,
  compactVerify,
  type JWK,
  type JWSHeaderParameters,
  type KeyObject,
} from 'jose'
import { fromBase64url, utf8 } from '../seal/bytes.ts'

/** A key as jose takes it: node's KeyObject, WebCrypto's CryptoKey or a JWK. */
export type JwsKey = CryptoKey | KeyObject | JWK

/** Signs the JSON of `payload`. */
export function signJson(
  payload: unknown,
  header: JWSHeaderParameters & { readonly alg: string },
  key: JwsKey,
): Promise<string> {
  return new CompactSign(utf8(JSON.stringify(payload))).setProtectedHeader(header).sign(key)
}

/** Octets of the parts of a compact JWS; undefined for another spelling of base64url. */
function partsOf(jws: string): readonly Uint8Array[] | undefined {
  const parts = jws.split('.').map(fromBase64url)
  const known = parts.filter((part) => part !== undefined)
  return parts.length === 3 && known.length === 3 ? known : undefined
}

/** The protected header, before anything is verified; undefined when there is none. */
export function protectedHeaderOf(jws: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const header: unknown = JSON.parse(new TextDecoder().decode(partsOf(jws)?.[0]))
    return typeof header === 'object' && header !== null ? { ...header } : undefined
  } catch {
    return undefined
  }
}

/** Verifies a JWS made with `alg` and `typ`. @returns its payload as JSON, or undefined. */
export async function verifyJson(
  jws: string,
  { alg, typ }: { readonly alg: string; readonly typ: string },
  key: JwsKey,
): Promise<unknown> {
  if (!partsOf(jws)) return undefined
  try {
    const { payload, protectedHeader } = await compactVerify(jws, key, { algorithms: [alg] })
    if (protectedHeader.typ !== typ) return undefined
    return JSON.parse(new TextDecoder().decode(payload))
  } catch {
    return undefined // a signature that does not fit is a finding; the caller refuses
  }
}
