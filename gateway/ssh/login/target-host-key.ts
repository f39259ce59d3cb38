/** Whether a host key is the target's: pinned by the administrator, or certified for this name. Never on first use (T30). */
import { err, ok, type Result } from '#lib/result'
import { type Certificate, parseCertificate } from '#lib/ssh/certificate'
import { checkCertificate } from '#lib/ssh/certificate-check'
import { certificateName, SIGNATURE_ALGORITHMS } from '#lib/ssh/key-algorithms'
import { type PublicKey, parsePublicKey } from '#lib/ssh/public-key'
import { parsePublicKeyLine } from '#lib/ssh/public-key-line'
import type { HostKeyVerdict } from '../transport/transport-types.ts'

/** What is known of a target; from the permit. */
export type KnownTarget = {
  /** The flow's host name or address: must be among a certificate's principals. */
  readonly host: string
  /** One-line public keys that the target may have. */
  readonly hostKeys: readonly string[]
  /** One-line public keys of authorities that may vouch for it. */
  readonly hostAuthorities: readonly string[]
  /** Whether a certificate of ours, or its authority, was revoked (T23). */
  readonly isRevoked?: ((certificate: Certificate) => boolean) | undefined
  /** Names of signatures that count; absent: all that we verify. */
  readonly signatures?: readonly string[] | undefined
  /** Unix seconds now. */
  readonly nowSeconds: () => number
}

/** Fits the client settings of a transport. */
export type TargetVerifier = {
  readonly hostKeyAlgorithms: readonly string[]
  readonly verifyHostKey: (blob: Buffer) => HostKeyVerdict
}

/** @returns what to ask the target for and how to judge it; an error when nothing is known, or a line is no key. */
export function verifierFor(
  target: KnownTarget,
): Result<
  TargetVerifier,
  { readonly reason: 'host_key_unknown' | 'host_key_not_allowed' | 'bad_key_line' }
> {
  const pinned = readKeys(target.hostKeys)
  const authorities = readKeys(target.hostAuthorities)
  if (pinned === undefined || authorities === undefined) return err({ reason: 'bad_key_line' })
  if (pinned.length + authorities.length === 0) return err({ reason: 'host_key_unknown' })
  const signatures: readonly string[] = target.signatures ?? SIGNATURE_ALGORITHMS
  const certified = authorities.length > 0 ? signatures.map(certificateName) : []
  const plain = pinned
    .flatMap(({ type }) => (type === 'ssh-rsa' ? RSA : [type]))
    .filter((name) => signatures.includes(name))
  if (certified.length + plain.length === 0) return err({ reason: 'host_key_not_allowed' })
  return ok({
    hostKeyAlgorithms: [...new Set([...certified, ...plain])],
    verifyHostKey: (blob) => {
      const certificate = parseCertificate(blob)
      // The holder proved the key inside the certificate as well: a pinned key stays good under a foreign authority.
      const proved = certificate.ok ? certificate.value.key.blob : blob
      if (pinned.some((key) => key.blob.equals(proved))) return ok(undefined)
      if (!certificate.ok) return err({ reason: 'host_key_unknown' })
      return checkVouched(certificate.value, authorities, target)
    },
  })
}

const RSA = ['rsa-sha2-512', 'rsa-sha2-256']

function checkVouched(
  certificate: Certificate,
  authorities: readonly PublicKey[],
  { host, nowSeconds, isRevoked }: KnownTarget,
): HostKeyVerdict {
  const checked = checkCertificate(certificate, {
    kind: 'host',
    authorities: authorities.map(({ blob }) => blob),
    principal: host,
    nowSeconds: nowSeconds(),
    ...(isRevoked && { isRevoked }),
  })
  return checked.ok ? ok(undefined) : checked
}

/** Undefined when one line is no public key. */
function readKeys(lines: readonly string[]): readonly PublicKey[] | undefined {
  const keys = lines.flatMap((line) => {
    const parsed = parsePublicKeyLine(line)
    const key = parsed.ok ? parsePublicKey(parsed.value.blob) : parsed
    return key.ok ? [key.value] : []
  })
  return keys.length === lines.length ? keys : undefined
}
