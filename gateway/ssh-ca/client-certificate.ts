/** Certificates that people hold themselves: one key, one device, the principals that policy grants. */
import type { SshCertificate } from '#lib/api/ssh-certificate-api'
import { err, ok, type Result } from '#lib/result'
import { type CertificateSigner, randomSerial, requestCertificate } from '#lib/ssh/certificate-mint'
import { fingerprint } from '#lib/ssh/public-key'
import { printPublicKeyLine } from '#lib/ssh/public-key-line'
import type { SshCertificateGrant } from '../policy/ssh-certificate.ts'
import { keyIdPrefix } from '../ssh/login/ca.ts'
import { readPlainKey } from './host-certificate.ts'
import type { IssuedSshCertificate } from './issued-certificate.ts'

export type ClientOrder = {
  /** The ssh-client-ca. */
  readonly authority: CertificateSigner
  /** OpenSSH line of the key that was made on the device. */
  readonly publicKey: string
  /** Type of the key; a key of another kind is refused. */
  readonly isSuitable: (publicKey: string) => boolean
  readonly grant: SshCertificateGrant
  readonly user: { readonly id: string; readonly email: string }
  readonly deviceId: string
  readonly nowMs: number
}

/** Clocks differ, ms. */
const BACKDATE_MS = 5 * 60_000

/** What `zt admin ssh-ca revoke --key-id` takes to end all certificates of one device. */
export function clientKeyId(email: string, deviceId: string): string {
  return `${keyIdPrefix(email)}${deviceId}`
}

/** @throws {AuthorityUnavailable} */
export async function certifyClient({
  authority,
  publicKey,
  isSuitable,
  grant,
  user,
  deviceId,
  nowMs,
}: ClientOrder): Promise<
  Result<
    { readonly answer: SshCertificate; readonly row: IssuedSshCertificate },
    'bad_public_key' | 'key_type_refused'
  >
> {
  const blob = readPlainKey(publicKey)
  if (blob === undefined) return err('bad_public_key')
  if (!isSuitable(publicKey)) return err('key_type_refused')
  const serial = randomSerial()
  const keyId = clientKeyId(user.email, deviceId)
  const { principals, extensions, sourceAddresses, endsAtMs } = grant
  const certificate = await requestCertificate({
    ...{ subject: blob, authority, keyId, principals, serial, extensions, kind: 'user' },
    validAfterSeconds: Math.floor((nowMs - BACKDATE_MS) / 1000),
    validBeforeSeconds: Math.floor(endsAtMs / 1000),
    ...(sourceAddresses.length > 0 && {
      criticalOptions: { 'source-address': sourceAddresses.join(',') },
    }),
  })
  const answer = {
    certificate: printPublicKeyLine(certificate, keyId),
    ...{ serial: serial.toString(), principals, valid_until: new Date(endsAtMs).toISOString() },
  }
  const row: IssuedSshCertificate = {
    ...{ id: answer.serial, kind: 'user', keyId, principals },
    ...{ authority: fingerprint(authority.blob), subject: fingerprint(blob) },
    ...{ userId: user.id, userEmail: user.email, deviceId },
    ...{ issuedAtMs: nowMs, validUntilMs: endsAtMs },
  }
  return ok({ answer, row })
}
