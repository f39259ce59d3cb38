/** Certificate authorities and certificates for tests: P-256, made in memory. */
import 'reflect-metadata'
import { createHash, webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'

const P256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
x509.cryptoProvider.set(webcrypto as Crypto)

/** An authority that can issue. */
export type TestCa = {
  readonly name: string
  readonly keys: CryptoKeyPair
  readonly certificate: x509.X509Certificate
  readonly pem: string
}

/** A key and its certificate as PEM. */
export type TestIdentity = {
  readonly key: string
  readonly certificate: string
  /** SHA-256 of the SubjectPublicKeyInfo, hex. */
  readonly keySha256: string
}

export type LeafOptions = {
  readonly names: x509.JsonGeneralNames
  readonly usage: 'clientAuth' | 'serverAuth'
  readonly notBeforeMs?: number
  readonly notAfterMs?: number
  /** Makes it an authority itself. */
  readonly isCa?: boolean
  readonly keys?: CryptoKeyPair
}

const HOUR_MS = 3_600_000

export const newKeys = () => webcrypto.subtle.generateKey(P256, true, ['sign', 'verify'])

export async function makeCa(name: string): Promise<TestCa> {
  const keys = await newKeys()
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    keys,
    signingAlgorithm: P256,
    notBefore: new Date(Date.now() - HOUR_MS),
    notAfter: new Date(Date.now() + 24 * HOUR_MS),
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  })
  return { name, keys, certificate, pem: certificate.toString('pem') }
}

export async function issue(ca: TestCa, options: LeafOptions): Promise<TestIdentity> {
  const keys = options.keys ?? (await newKeys())
  const certificate = await x509.X509CertificateGenerator.create({
    subject: 'CN=test leaf',
    issuer: `CN=${ca.name}`,
    publicKey: keys.publicKey,
    signingKey: ca.keys.privateKey,
    signingAlgorithm: P256,
    notBefore: new Date(options.notBeforeMs ?? Date.now() - HOUR_MS),
    notAfter: new Date(options.notAfterMs ?? Date.now() + HOUR_MS),
    extensions: [
      new x509.BasicConstraintsExtension(options.isCa ?? false, undefined, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage[options.usage]]),
      new x509.SubjectAlternativeNameExtension(options.names),
    ],
  })
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey))
  const spki = Buffer.from(await webcrypto.subtle.exportKey('spki', keys.publicKey))
  return {
    key: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY'),
    certificate: certificate.toString('pem'),
    keySha256: createHash('sha256').update(spki).digest('hex'),
  }
}

export function issueDevice(
  ca: TestCa,
  deviceId: string,
  change: Partial<LeafOptions> = {},
): Promise<TestIdentity> {
  const names = [{ type: 'url', value: `urn:zt:device:${deviceId}` }] as const
  return issue(ca, { names: [...names], usage: 'clientAuth', ...change })
}
