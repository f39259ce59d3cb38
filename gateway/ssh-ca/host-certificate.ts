/** Certificates of hosts, on demand: a host that has one needs no entry in anybody's known_hosts. */
import { parseAddress } from '#lib/net/address'
import { parseHostName } from '#lib/net/host'
import { err, ok, type Result } from '#lib/result'
import { type CertificateSigner, randomSerial, requestCertificate } from '#lib/ssh/certificate-mint'
import { fingerprint, parsePublicKey } from '#lib/ssh/public-key'
import { parsePublicKeyLine, printPublicKeyLine } from '#lib/ssh/public-key-line'
import type { IssuedSshCertificate } from './issued-certificate.ts'

/** A certificate with what is remembered of it. */
export type SignedCertificate = {
  /** OpenSSH line. */
  readonly line: string
  readonly row: IssuedSshCertificate
}

export type HostOrder = {
  readonly authority: CertificateSigner
  /** OpenSSH line of the host's own key. */
  readonly publicKey: string
  readonly names: readonly string[]
  readonly lifetimeMs: number
  readonly nowMs: number
}

/** Clocks differ, ms. */
const BACKDATE_MS = 5 * 60_000

/**
 * Certifies a host's key.
 * @throws {AuthorityUnavailable}
 */
export async function certifyHost({
  authority,
  publicKey,
  names,
  lifetimeMs,
  nowMs,
}: HostOrder): Promise<Result<SignedCertificate, 'bad_public_key' | 'bad_host'>> {
  const blob = readPlainKey(publicKey)
  if (blob === undefined) return err('bad_public_key')
  const isName = (name: string) => parseHostName(name).ok || parseAddress(name).ok
  if (names.length === 0 || !names.every(isName)) return err('bad_host')
  const serial = randomSerial()
  const keyId = `zt-host:${names[0]}`
  const validUntilMs = nowMs + lifetimeMs
  const certificate = await requestCertificate({
    ...{ subject: blob, authority, keyId, principals: names, serial, kind: 'host' },
    validAfterSeconds: Math.floor((nowMs - BACKDATE_MS) / 1000),
    validBeforeSeconds: Math.floor(validUntilMs / 1000),
  })
  const row: IssuedSshCertificate = {
    ...{ id: serial.toString(), kind: 'host', keyId, principals: names },
    ...{ authority: fingerprint(authority.blob), subject: fingerprint(blob) },
    ...{ issuedAtMs: nowMs, validUntilMs },
  }
  return ok({ line: printPublicKeyLine(certificate, names[0]), row })
}

/** The plain key of a line; undefined for a certificate (T22), and for a key that is weak or unknown. */
export function readPlainKey(line: string): Buffer | undefined {
  const parsed = parsePublicKeyLine(line)
  const key = parsed.ok ? parsePublicKey(parsed.value.blob) : parsed
  return key.ok ? key.value.blob : undefined
}
