/**
 * Makes the gateway's keys, once, at `init`: a folder of mode 0700, files of mode 0600, nothing overwritten.
 */
import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { publicKeyBlob } from '#lib/ssh/public-key'
import { printPublicKeyLine } from '#lib/ssh/public-key-line'
import { createAuthority, generateP256Key } from './certificate.ts'
import { HOST_SEED_OCTETS } from './gateway-keys.ts'

/** Life of an authority; a new one means enrolling or pinning anew, so it is long. */
const AUTHORITY_LIFETIME_MS = 10 * 365 * 86_400_000

/**
 * Makes every key in a new folder.
 * @param dir must not exist.
 * @returns the offline key that signs lists of recipients: only its public part is kept here.
 * @throws {Error} when `dir` exists or cannot be written.
 */
export async function createKeys(
  dir: string,
  {
    organisation,
    nowMs,
    fips = false,
  }: { readonly organisation: string; readonly nowMs: number; readonly fips?: boolean },
): Promise<{ readonly recipientsSigner: KeyObject }> {
  mkdirSync(dir, { mode: 0o700 })
  const save = (file: string, content: string | Uint8Array): void =>
    writeFileSync(join(dir, file), content, { mode: 0o600, flag: 'wx', flush: true })
  const lifetimeMs = AUTHORITY_LIFETIME_MS
  for (const [file, role] of [
    ['gateway-ca', 'gateway CA'],
    ['device-ca', 'device CA'],
  ] as const) {
    const authority = await createAuthority({
      commonName: `${organisation} zt ${role}`,
      nowMs,
      lifetimeMs,
    })
    save(`${file}.key`, privatePem(authority.key))
    save(`${file}.crt`, authority.certificatePem)
  }
  for (const name of ['ssh-user-ca', 'ssh-host-ca']) {
    const key = fips ? generateP256Key() : generateKeyPairSync('ed25519').privateKey
    save(`${name}.key`, privatePem(key))
    save(
      `${name}.pub`,
      `${printPublicKeyLine(publicKeyBlob(createPublicKey(key)), `zt ${name}`)}\n`,
    )
  }
  save('token-signing.key', privatePem(generateP256Key()))
  const evidenceKey = generateP256Key()
  save('evidence-signing.key', privatePem(evidenceKey))
  save('evidence-signing.pub', publicPem(createPublicKey(evidenceKey)))
  save('host-seed.key', randomBytes(HOST_SEED_OCTETS))
  const recipientsSigner = generateKeyPairSync('ed25519').privateKey
  save('recipients-signer.pub', publicPem(createPublicKey(recipientsSigner)))
  return { recipientsSigner }
}

function privatePem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString()
}

function publicPem(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'pem' }).toString()
}
