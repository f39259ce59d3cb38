/**
 * The device's key (P-256) and its certificate request (PKCS#10, RFC 2986). The key never leaves the device.
 */
import 'reflect-metadata'
import { createPrivateKey, createPublicKey, generateKeyPairSync, webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { keyWords } from '#lib/enrol/key-words'

const EC = { name: 'ECDSA', namedCurve: 'P-256' } as const
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' } as const

/** A private key, PKCS#8 PEM. */
export function generateDeviceKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

/** The request for a certificate of this key; the gateway takes nothing but the key from it. */
export async function certificateRequest(keyPem: string): Promise<string> {
  const privateKey = createPrivateKey(keyPem)
  const publicKey = createPublicKey(keyPem)
  const importKey = (form: 'pkcs8' | 'spki', der: Buffer, use: 'sign' | 'verify') =>
    webcrypto.subtle.importKey(form, der, EC, true, [use])
  const request = await x509.Pkcs10CertificateRequestGenerator.create(
    {
      name: 'CN=zt device',
      keys: {
        privateKey: await importKey(
          'pkcs8',
          privateKey.export({ type: 'pkcs8', format: 'der' }),
          'sign',
        ),
        publicKey: await importKey(
          'spki',
          publicKey.export({ type: 'spki', format: 'der' }),
          'verify',
        ),
      },
      signingAlgorithm: SIGNING,
    },
    webcrypto as Crypto,
  )
  return request.toString('pem')
}

/** The words that the terminal and the login page both show for this key. */
export function wordsOfKey(keyPem: string): string {
  return keyWords(createPublicKey(keyPem).export({ type: 'spki', format: 'der' }))
}
