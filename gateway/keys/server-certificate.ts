/**
 * Certificates of our own listeners, signed by the gateway CA when no public one is configured.
 */
import 'reflect-metadata'
import { createPublicKey, X509Certificate } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { parseAddress } from '#lib/net/address'
import { parseHostName } from '#lib/net/host'
import { generateP256Key, signLeaf } from './certificate.ts'
import type { Authority } from './gateway-keys.ts'

/** Longest life that TLS clients accept everywhere; a new one is made at each start, ms. */
const SERVER_CERTIFICATE_LIFETIME_MS = 397 * 86_400_000

/** Certificate chain and key of a listener, PEM. */
export type ServerCertificate = { readonly certificatePem: string; readonly keyPem: string }

/**
 * Issues a certificate and a fresh key for one host.
 * @param host a DNS name, or an IP address without brackets.
 * @throws {Error} when `host` is neither, or the result is not valid for `host`, for example since the authority has expired.
 */
export async function issueServerCertificate(
  gatewayCa: Authority,
  host: string,
  nowMs: number,
): Promise<ServerCertificate> {
  const type = nameType(host)
  const key = generateP256Key()
  const leafPem = await signLeaf(gatewayCa, createPublicKey(key), {
    commonName: 'zt gateway',
    nowMs,
    lifetimeMs: SERVER_CERTIFICATE_LIFETIME_MS,
    extensions: [
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth], true),
      new x509.SubjectAlternativeNameExtension([{ type, value: host }]),
    ],
  })
  const leaf = new X509Certificate(leafPem)
  const ca = new X509Certificate(gatewayCa.certificatePem)
  const isForHost = (type === 'ip' ? leaf.checkIP(host) : leaf.checkHost(host)) !== undefined
  const isSigned = leaf.verify(ca.publicKey) && Date.parse(leaf.validTo) <= Date.parse(ca.validTo)
  if (!isForHost || !isSigned) throw new Error(`the certificate made for ${host} is wrong`)
  const keyPem = key.export({ type: 'pkcs8', format: 'pem' }).toString()
  return { certificatePem: leafPem + gatewayCa.certificatePem, keyPem }
}

function nameType(host: string): 'ip' | 'dns' {
  if (parseAddress(host).ok) return 'ip'
  if (parseHostName(host).ok) return 'dns'
  throw new Error('the host of a listener is a DNS name or an IP address')
}
