/** SSH authorities and certificates as the admin API tells them. */
import type { IssuedSshCertificate } from '../ssh-ca/issued-certificate.ts'
import type { ListedAuthority } from '../ssh-ca/ssh-authorities-store.ts'
import type { SshRevocation } from '../ssh-ca/ssh-revocation.ts'

export function authorityJson({
  id,
  createdAtMs,
  retiredAtMs,
  trustedUntilMs,
  ...rest
}: Omit<ListedAuthority, 'state'> & Partial<Pick<ListedAuthority, 'state'>>) {
  return {
    ...{ fingerprint: id, ...rest, createdAt: timeOf(createdAtMs) },
    ...(retiredAtMs !== undefined && { retiredAt: timeOf(retiredAtMs) }),
    ...(trustedUntilMs !== undefined && { trustedUntil: timeOf(trustedUntilMs) }),
  }
}

export function certificateJson(
  { id, issuedAtMs, validUntilMs, ...rest }: IssuedSshCertificate,
  isRevoked: boolean,
) {
  const times = { issuedAt: timeOf(issuedAtMs), validUntil: timeOf(validUntilMs) }
  return { serial: id, ...rest, ...times, ...(isRevoked && { revoked: true }) }
}

export function sshRevocationJson({ kind, value, atMs }: SshRevocation) {
  return { kind, value, revokedAt: timeOf(atMs) }
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString()
}
