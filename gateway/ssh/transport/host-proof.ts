/** The server's proof in a key exchange: it signed the exchange hash by a host key we accept (RFC 4253 section 8). */
import { parseCertificate } from '#lib/ssh/certificate'
import { type KeyAlgorithm, keyAlgorithm } from '#lib/ssh/key-algorithms'
import { type PublicKey, parsePublicKey } from '#lib/ssh/public-key'
import { SshReader } from '#lib/ssh/reader'
import { verifySignature } from '#lib/ssh/signature'
import type { TransportReason, TransportSettings } from './transport-types.ts'

export type HandshakeRefusal = { readonly reason: TransportReason; readonly detail?: string }

export type HostProof = {
  readonly blob: Buffer
  readonly signature: Buffer
  /** Exchange hash. */
  readonly hash: Buffer
  /** Negotiated name. */
  readonly algorithm: string
}

/**
 * @param before the key of the first exchange: another one later is refused without asking anyone (T10), and the same
 *   one is not judged again, since its certificate may have ended meanwhile.
 * @returns why the proof does not count, or undefined when it does.
 */
export function checkHostKey(
  settings: TransportSettings,
  proof: HostProof,
  before: Buffer | undefined,
): HandshakeRefusal | undefined {
  const algorithm = keyAlgorithm(proof.algorithm)
  const key = algorithm && keyIn(proof.blob, algorithm)
  if (algorithm === undefined || key === undefined) return { reason: 'bad_host_signature' }
  const verified = verifySignature(key, proof.signature, proof.hash, algorithm.signature)
  if (!verified.ok) return { reason: 'bad_host_signature', detail: verified.error.reason }
  if (before !== undefined) {
    return before.equals(proof.blob) ? undefined : { reason: 'host_key_changed' }
  }
  if (settings.role === 'server') return { reason: 'host_key_refused' }
  const verdict = settings.verifyHostKey(proof.blob)
  return verdict.ok ? undefined : { reason: 'host_key_refused', detail: verdict.error.reason }
}

/** The plain key that signs, if the blob is of the type that the name promised. */
function keyIn(blob: Buffer, { blobType, isCertificate }: KeyAlgorithm): PublicKey | undefined {
  if (new SshReader(blob).string().toString('latin1') !== blobType) return undefined
  if (!isCertificate) {
    const plain = parsePublicKey(blob)
    return plain.ok ? plain.value : undefined
  }
  const certificate = parseCertificate(blob)
  return certificate.ok ? certificate.value.key : undefined
}
