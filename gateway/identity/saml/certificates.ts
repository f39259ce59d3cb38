/**
 * Certificates that a SAML provider signs with. Only their keys count: there is no authority to ask, and providers go on
 * using certificates that have run out.
 */
import { X509Certificate } from 'node:crypto'

/** Smallest RSA modulus, bits (NIST SP 800-131A revision 2, section 3). */
const MODULUS_MINIMUM = 2048
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g

/**
 * Reads certificates out of a file.
 * @returns each as PEM.
 * @throws {Error} when there is none, or one that cannot be read or has a key that is not accepted.
 */
export function readCertificates(pem: string): string[] {
  const certificates = (pem.match(CERTIFICATE) ?? []).map((one) => new X509Certificate(one))
  if (certificates.length === 0) throw new Error('there is no certificate of the SAML provider')
  for (const { publicKey, subject } of certificates) {
    const bits = publicKey.asymmetricKeyDetails?.modulusLength ?? 0
    if (publicKey.asymmetricKeyType !== 'rsa' || bits < MODULUS_MINIMUM) {
      throw new Error(
        `the certificate of the SAML provider (${subject}) needs an RSA key of ${MODULUS_MINIMUM} bits`,
      )
    }
  }
  return certificates.map((one) => one.toString())
}
