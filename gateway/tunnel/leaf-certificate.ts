/**
 * Who a tunnel peer is: the leaf certificate whose key was proven in the TLS handshake, and nothing else.
 * TLS has checked the chain when a session is new; a resumed session skips that, so everything is checked again here.
 */
import { createHash, type X509Certificate } from 'node:crypto'
import { err, ok, type Result } from '#lib/result'

/** What a valid leaf says. It grants nothing by itself: the registration behind `deviceId` does. */
export type LeafIdentity = {
  readonly deviceId: string
  /** SHA-256 of the SubjectPublicKeyInfo, hex. */
  readonly keySha256: string
  readonly notAfterMs: number
}

/** Why a certificate names no device of ours. */
export type LeafError = {
  readonly reason: 'not_issued_by_device_ca' | 'not_a_device_certificate' | 'device_expired'
}

/** Extended key usage clientAuth (RFC 5280 section 4.2.1.12): a server certificate must not open tunnels. */
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'
/** The one subject alternative name of a device; with a second name it is no device certificate. */
const DEVICE_NAME =
  /^URI:urn:zt:device:([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$/

/**
 * Reads the device out of a leaf that the device CA itself issued: no intermediate may stand between them.
 * @param nowMs Unix milliseconds.
 */
export function readLeaf(
  leaf: X509Certificate,
  deviceCa: X509Certificate,
  nowMs: number,
): Result<LeafIdentity, LeafError> {
  if (!leaf.checkIssued(deviceCa) || !leaf.verify(deviceCa.publicKey)) {
    return err({ reason: 'not_issued_by_device_ca' })
  }
  const deviceId = DEVICE_NAME.exec(leaf.subjectAltName ?? '')?.[1]
  const usages: readonly string[] = leaf.keyUsage ?? []
  if (deviceId === undefined || leaf.ca || usages.length !== 1 || usages[0] !== CLIENT_AUTH) {
    return err({ reason: 'not_a_device_certificate' })
  }
  const notAfterMs = Date.parse(leaf.validTo)
  const isValidNow = nowMs >= Date.parse(leaf.validFrom) && nowMs < notAfterMs
  if (!isValidNow) return err({ reason: 'device_expired' })
  return ok({ deviceId, keySha256: keyDigest(leaf), notAfterMs })
}

function keyDigest(leaf: X509Certificate): string {
  const spki = leaf.publicKey.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(spki).digest('hex')
}
