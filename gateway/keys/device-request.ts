/**
 * The certificate request of a device (PKCS#10, RFC 2986). Only its key is ever used: names, extensions and
 * attributes that it asks for are not even read.
 */
import 'reflect-metadata'
import { createHash, createPublicKey, type KeyObject, webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { err, ok, type Result } from '#lib/result'

/** The key that a device has proven to hold. */
export type DeviceKey = {
  readonly publicKey: KeyObject
  /** SHA-256 of the SubjectPublicKeyInfo, hex. */
  readonly keySha256: string
}

/** Why a request is refused. */
export type DeviceRequestError = { readonly reason: 'bad_csr' | 'bad_key_type' }

/** A P-256 request is about 500 characters; ten times that is looked at, in characters. */
const PEM_LIMIT = 5000
const PEM =
  /^\s*-----BEGIN CERTIFICATE REQUEST-----\s([A-Za-z0-9+/=\s]+)-----END CERTIFICATE REQUEST-----\s*$/
/** DER octets of a P-256 key with an uncompressed point: the one spelling, so that a digest names one key. */
const P256_SPKI_OCTETS = 91

/**
 * Checks a request: one PEM block, a P-256 key, signed by that key.
 * @returns the key. Never throws, for any text.
 */
export async function readDeviceRequest(
  csrPem: string,
): Promise<Result<DeviceKey, DeviceRequestError>> {
  const base64 = csrPem.length <= PEM_LIMIT ? PEM.exec(csrPem)?.[1] : undefined
  if (base64 === undefined) return err({ reason: 'bad_csr' })
  try {
    const request = new x509.Pkcs10CertificateRequest(Buffer.from(base64, 'base64'))
    const publicKey = readP256Key(request.publicKey.rawData)
    if (publicKey === undefined) return err({ reason: 'bad_key_type' })
    if (!(await request.verify(webcrypto as Crypto))) return err({ reason: 'bad_csr' })
    return ok({ publicKey, keySha256: keyDigest(publicKey) })
  } catch {
    // The parser says what it could not read by throwing: every why is the same refusal.
    return err({ reason: 'bad_csr' })
  }
}

function readP256Key(spki: ArrayBuffer): KeyObject | undefined {
  const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  const isP256 =
    key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1'
  return isP256 && spkiOf(key).length === P256_SPKI_OCTETS ? key : undefined
}

function keyDigest(key: KeyObject): string {
  return createHash('sha256').update(spkiOf(key)).digest('hex')
}

function spkiOf(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' })
}
