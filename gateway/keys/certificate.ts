/**
 * X.509 certificates with P-256 and SHA-256 (RFC 5280), as all of ours are. Pure: time and keys come in.
 */
import 'reflect-metadata'
import {
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  webcrypto,
} from 'node:crypto'
import * as x509 from '@peculiar/x509'
import type { Authority } from './gateway-keys.ts'

const P256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/** A verifier's clock may be behind ours by so much, ms. */
const BACKDATE_MS = 5 * 60_000

/** What stands in a certificate, besides its key. */
export type CertificateContent = {
  readonly commonName: string
  readonly nowMs: number
  readonly lifetimeMs: number
  readonly extensions: readonly x509.Extension[]
}

/** Makes a private P-256 key; the public one follows from it. */
export function generateP256Key(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
}

/**
 * Makes a certificate authority that signs leaves only (path length 0).
 * @param commonName display only; any text.
 */
export async function createAuthority(
  content: Omit<CertificateContent, 'extensions'>,
): Promise<Authority> {
  const key = generateP256Key()
  const usages = x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign
  const extensions = [
    new x509.BasicConstraintsExtension(true, 0, true),
    new x509.KeyUsagesExtension(usages, true),
  ]
  const name = [{ CN: [content.commonName] }]
  const signed = await sign({ ...content, extensions }, createPublicKey(key), { name, key })
  return { certificatePem: signed, key }
}

/** Signs a leaf for `publicKey`. @returns its PEM. */
export function signLeaf(
  authority: Authority,
  publicKey: KeyObject,
  content: CertificateContent,
): Promise<string> {
  const issuer = new x509.X509Certificate(authority.certificatePem)
  const leafOnly = new x509.BasicConstraintsExtension(false, undefined, true)
  const signing = new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true)
  const extensions = [leafOnly, signing, ...content.extensions]
  return sign({ ...content, extensions }, publicKey, {
    name: issuer.subjectName,
    key: authority.key,
  })
}

type Issuer = { readonly name: x509.X509CertificateCreateParamsName; readonly key: KeyObject }

async function sign(
  { commonName, nowMs, lifetimeMs, extensions }: CertificateContent,
  publicKey: KeyObject,
  issuer: Issuer,
): Promise<string> {
  const subjectKey = await importPublic(publicKey)
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber: randomSerial(),
      subject: [{ CN: [commonName] }],
      issuer: issuer.name,
      notBefore: new Date(nowMs - BACKDATE_MS),
      notAfter: new Date(nowMs + lifetimeMs),
      publicKey: subjectKey,
      signingKey: await importPrivate(issuer.key),
      signingAlgorithm: P256,
      extensions: [
        ...extensions,
        await x509.SubjectKeyIdentifierExtension.create(subjectKey, false, webcrypto as Crypto),
        await x509.AuthorityKeyIdentifierExtension.create(
          await importPublic(createPublicKey(issuer.key)),
          false,
          webcrypto as Crypto,
        ),
      ],
    },
    webcrypto as Crypto,
  )
  return `${certificate.toString('pem')}\n`
}

/** 126 random bits, positive and of fixed length (RFC 5280 section 4.1.2.2 allows 20 octets). */
function randomSerial(): string {
  const serial = randomBytes(16)
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40
  return serial.toString('hex')
}

function importPrivate(key: KeyObject): Promise<CryptoKey> {
  const pkcs8 = key.export({ type: 'pkcs8', format: 'der' })
  return webcrypto.subtle.importKey('pkcs8', pkcs8, P256, false, ['sign'])
}

function importPublic(key: KeyObject): Promise<CryptoKey> {
  const spki = key.export({ type: 'spki', format: 'der' })
  return webcrypto.subtle.importKey('spki', spki, P256, true, ['verify'])
}
