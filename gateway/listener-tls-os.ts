/**
 * The certificate of a listener: the configured one of a public CA, or one that the gateway CA issues for its host.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { err, ok, type Result } from '#lib/result'
import type { GatewayConfig, WebListenerConfig } from './config/gateway-config.ts'
import type { Authority } from './keys/gateway-keys.ts'
import { readPrivateFile } from './keys/key-store.ts'
import { issueServerCertificate, type ServerCertificate } from './keys/server-certificate.ts'

/** Why a configured certificate is not used; `message` names the file. */
export type ListenerTlsRefusal = { readonly reason: 'bad_certificate'; readonly message: string }

/** @param nowMs Unix milliseconds. */
export async function listenerTls(
  {
    url,
    certificate,
    fips = false,
  }: Pick<WebListenerConfig, 'url' | 'certificate'> & { readonly fips?: boolean | undefined },
  gatewayCa: Authority,
  nowMs: number,
): Promise<Result<ServerCertificate, ListenerTlsRefusal>> {
  if (certificate !== undefined) return readCertificate(certificate, fips)
  // URL keeps the brackets of an IPv6 literal.
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '')
  return ok(await issueServerCertificate(gatewayCa, host, nowMs))
}

/** The certificates of all listeners. @param nowMs Unix milliseconds. */
export async function allListenerTls(config: GatewayConfig, gatewayCa: Authority, nowMs: number) {
  const { fips } = config
  const issue = (name: 'tunnel' | 'login' | 'admin') =>
    listenerTls({ ...config[name], fips }, gatewayCa, nowMs)
  const [tunnel, login, admin] = [await issue('tunnel'), await issue('login'), await issue('admin')]
  if (!tunnel.ok) return tunnel
  if (!login.ok) return login
  if (!admin.ok) return admin
  return ok({ tunnel: tunnel.value, login: login.value, admin: admin.value })
}

function readCertificate(
  { certificateFile, keyFile }: NonNullable<WebListenerConfig['certificate']>,
  fips: boolean,
): Result<ServerCertificate, ListenerTlsRefusal> {
  const key = readPrivateFile(keyFile)
  if (!key.ok) return refuse(key.error.message)
  try {
    const certificatePem = readFileSync(certificateFile, 'utf8')
    const keyPem = key.value.toString()
    const certificate = new X509Certificate(certificatePem)
    if (fips && !isFipsPublicKey(certificate.publicKey)) {
      return refuse(`${certificateFile} is not of P-256, P-384 or RSA, as FIPS mode wants it`)
    }
    const fits = certificate.checkPrivateKey(createPrivateKey(keyPem))
    if (fits) return ok({ certificatePem, keyPem })
  } catch {
    // The message below says as much as may be said: OpenSSL's text can quote the key.
  }
  return refuse(`${certificateFile} is no certificate of the key in ${keyFile}`)
}

function isFipsPublicKey({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): boolean {
  if (asymmetricKeyType === 'rsa') return (asymmetricKeyDetails?.modulusLength ?? 0) >= 2048
  return ['prime256v1', 'secp384r1'].includes(asymmetricKeyDetails?.namedCurve ?? '')
}

function refuse(message: string): Result<never, ListenerTlsRefusal> {
  return err({ reason: 'bad_certificate', message })
}
