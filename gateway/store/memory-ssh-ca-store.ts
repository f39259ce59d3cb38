/** SSH authorities, revocations and issued certificates of the store that forgets at exit. */
import type { IssuedSshCertificate } from '../ssh-ca/issued-certificate.ts'
import type { SshAuthority } from '../ssh-ca/ssh-authority.ts'
import type { SshRevocation } from '../ssh-ca/ssh-revocation.ts'
import type { Store } from './store.ts'

export function memorySshCa(): Store['sshCa'] {
  const authorities = new Map<string, SshAuthority>()
  const revocations = new Map<string, SshRevocation>()
  const certificates = new Map<string, IssuedSshCertificate>()
  return {
    putAuthorities(rows) {
      for (const row of rows) authorities.set(row.id, row)
    },
    authorities: () =>
      [...authorities.values()].sort(
        (a, b) => a.createdAtMs - b.createdAtMs || (a.id < b.id ? -1 : 1),
      ),
    revoke(revocation) {
      const key = `${revocation.kind} ${revocation.value}`
      if (!revocations.has(key)) revocations.set(key, revocation)
    },
    revocations: () =>
      [...revocations.values()].sort(
        (a, b) => a.atMs - b.atMs || (`${a.kind} ${a.value}` < `${b.kind} ${b.value}` ? -1 : 1),
      ),
    logCertificate(certificate) {
      if (certificates.has(certificate.id)) throw new Error('serial was used before')
      certificates.set(certificate.id, certificate)
    },
    certificates: ({ limit, beforeMs = Number.POSITIVE_INFINITY }) =>
      [...certificates.values()]
        .filter(({ issuedAtMs }) => issuedAtMs < beforeMs)
        .sort((a, b) => b.issuedAtMs - a.issuedAtMs || (a.id < b.id ? 1 : -1))
        .slice(0, limit),
  }
}
