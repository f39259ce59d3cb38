/**
 * A certificate authority for one test: its key never leaves the process.
 */
import 'reflect-metadata'
import { randomBytes, webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import * as x509 from '@peculiar/x509'

const P256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const DAY_MS = 86_400_000

export type ThrowawayCa = {
  readonly caPem: string
  /** A server certificate for a DNS name or IP address, valid for a day. */
  issue(host: string): Promise<{ readonly certPem: string; readonly keyPem: string }>
}

/** Makes a P-256 CA; every call makes another one. */
export async function throwawayCa(name = 'Throwaway CA'): Promise<ThrowawayCa> {
  x509.cryptoProvider.set(webcrypto as Crypto)
  const keys = await webcrypto.subtle.generateKey(P256, true, ['sign', 'verify'])
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: `CN=${name}`,
    keys: keys as CryptoKeyPair,
    signingAlgorithm: P256,
    ...validity(),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey as CryptoKey),
    ],
  })
  return {
    caPem: ca.toString('pem'),
    issue: (host) => issueServer(ca, keys.privateKey as CryptoKey, host),
  }
}

async function issueServer(ca: x509.X509Certificate, caKey: CryptoKey, host: string) {
  const keys = await webcrypto.subtle.generateKey(P256, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: 'CN=server',
    issuer: ca.subjectName,
    publicKey: keys.publicKey as CryptoKey,
    signingKey: caKey,
    signingAlgorithm: P256,
    ...validity(),
    extensions: [
      new x509.SubjectAlternativeNameExtension([{ type: isIP(host) ? 'ip' : 'dns', value: host }]),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    ],
  })
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey))
  return {
    certPem: certificate.toString('pem'),
    keyPem: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY'),
  }
}

function serial(): string {
  return `01${randomBytes(15).toString('hex')}`
}

function validity(): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + DAY_MS) }
}
