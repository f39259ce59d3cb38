/**
 * The certificate of a listener: the configured one of a public CA, or one that the gateway CA issues for its host.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { err, ok, type Result } from '#lib/result'
import type { WebListenerConfig } from './config/gateway-config.ts'
import type { Authority } from './keys/gateway-keys.ts'
import { readPrivateFile } from './keys/key-store.ts'
import { issueServerCertificate, type ServerCertificate } from './keys/server-certificate.ts'

/** Why a configured certificate is not used; `message` names the file. */
export type ListenerTlsRefusal = { readonly reason: 'bad_certificate'; readonly message: string }

/** @param nowMs Unix milliseconds. */
export async function listenerTls(
  { url, certificate }: Pick<WebListenerConfig, 'url' | 'certificate'>,
  gatewayCa: Authority,
  nowMs: number,
): Promise<Result<ServerCertificate, ListenerTlsRefusal>> {
  if (certificate !== undefined) return readCertificate(certificate)
  // URL keeps the brackets of an IPv6 literal.
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '')
  return ok(await issueServerCertificate(gatewayCa, host, nowMs))
}

function readCertificate({
  certificateFile,
  keyFile,
}: NonNullable<WebListenerConfig['certificate']>): Result<ServerCertificate, ListenerTlsRefusal> {
  const key = readPrivateFile(keyFile)
  if (!key.ok) return refuse(key.error.message)
  try {
    const certificatePem = readFileSync(certificateFile, 'utf8')
    const keyPem = key.value.toString()
    const fits = new X509Certificate(certificatePem).checkPrivateKey(createPrivateKey(keyPem))
    if (fits) return ok({ certificatePem, keyPem })
  } catch {
    // The message below says as much as may be said: OpenSSL's text can quote the key.
  }
  return refuse(`${certificateFile} is no certificate of the key in ${keyFile}`)
}

function refuse(message: string): Result<never, ListenerTlsRefusal> {
  return err({ reason: 'bad_certificate', message })
}
