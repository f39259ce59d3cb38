/**
 * Trust in a gateway that no public CA vouches for: the administrator's printed fingerprint, never first use. Pure.
 */
import { X509Certificate } from 'node:crypto'
import { err, ok, type Result } from '#lib/result'

const SHA256_HEX = /^[0-9a-f]{64}$/

/** Fingerprint as typed: hex, with or without colons, either case. */
export function parseFingerprint(
  text: string,
): Result<string, { readonly reason: 'bad_fingerprint' }> {
  const hex = text.replaceAll(':', '').toLowerCase()
  return SHA256_HEX.test(hex) ? ok(hex) : err({ reason: 'bad_fingerprint' })
}

/** Accepts a CA certificate only if its SHA-256 (over DER) is the one that was printed. Never throws. */
export function matchCa(
  pem: string,
  sha256: string,
): Result<string, { readonly reason: 'fingerprint_mismatch' | 'bad_ca' }> {
  try {
    const ca = new X509Certificate(pem)
    const found = ca.fingerprint256.replaceAll(':', '').toLowerCase()
    if (!ca.ca) return err({ reason: 'bad_ca' })
    return found === sha256 ? ok(ca.toString()) : err({ reason: 'fingerprint_mismatch' })
  } catch {
    return err({ reason: 'bad_ca' })
  }
}

/** Parses the login origin that the user named: https, no path, no credentials. Never throws. */
export function parseLoginUrl(text: string): Result<URL, { readonly reason: 'bad_url' }> {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const plain =
    url?.username === '' && url.password === '' && url.pathname === '/' && url.search === ''
  return url?.protocol === 'https:' && plain ? ok(url) : err({ reason: 'bad_url' })
}
