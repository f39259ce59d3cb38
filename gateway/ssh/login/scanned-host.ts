/** What a host showed of itself when it was asked for its keys. Every key was proved by a signature. Pure. */
import { parseCertificate } from '#lib/ssh/certificate'
import { fingerprint } from '#lib/ssh/public-key'
import { printPublicKeyLine } from '#lib/ssh/public-key-line'
import { SshReader } from '#lib/ssh/reader'

export type ScannedKey = {
  readonly type: string
  /** As `ssh-keygen -l` prints it. */
  readonly fingerprint: string
  /** One-line public key, as policy pins it. */
  readonly line: string
}

export type ScannedHost = {
  readonly keys: readonly ScannedKey[]
  /** Authorities that vouch for it by a certificate. */
  readonly authorities: readonly ScannedKey[]
}

/** @param blobs plain keys and certificates, as they were proved. */
export function scannedHost(blobs: readonly Buffer[]): ScannedHost {
  const keys: Buffer[] = []
  const authorities: Buffer[] = []
  for (const blob of blobs) {
    const certificate = parseCertificate(blob)
    keys.push(certificate.ok ? certificate.value.key.blob : blob)
    if (certificate.ok) authorities.push(certificate.value.authority.blob)
  }
  return { keys: distinct(keys), authorities: distinct(authorities) }
}

/** The lines of those that the administrator accepted; undefined when one of them was not shown. */
export function acceptedLines(
  shown: readonly ScannedKey[],
  fingerprints: readonly string[],
): readonly string[] | undefined {
  const found = fingerprints.map((wanted) => shown.find((key) => key.fingerprint === wanted)?.line)
  const lines = found.flatMap((line) => (line === undefined ? [] : [line]))
  return lines.length === fingerprints.length ? [...new Set(lines)] : undefined
}

function distinct(blobs: readonly Buffer[]): readonly ScannedKey[] {
  const byPrint = new Map(blobs.map((blob) => [fingerprint(blob), blob]))
  return [...byPrint].map(([print, blob]) => ({
    type: new SshReader(blob).text(),
    fingerprint: print,
    line: printPublicKeyLine(blob),
  }))
}
