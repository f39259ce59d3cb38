/** SSH authorities, revocations and issued certificates in SQLite. Written through at once: what was revoked stays so. */
import type { Database } from 'better-sqlite3'
import type { IssuedSshCertificate } from '../ssh-ca/issued-certificate.ts'
import type { SshAuthority } from '../ssh-ca/ssh-authority.ts'
import type { SshRevocation } from '../ssh-ca/ssh-revocation.ts'
import {
  type Columns,
  type Found,
  insertSql,
  type Parameters,
  parametersOf,
  rowsOf,
  selectSql,
} from './sqlite-columns.ts'
import type { Store } from './store.ts'

const AUTHORITY_COLUMNS: Columns<SshAuthority> = {
  id: 'id',
  name: 'name',
  publicKey: 'public_key',
  custody: 'custody_json',
  createdAtMs: 'created_at_ms',
  retiredAtMs: 'retired_at_ms',
  trustedUntilMs: 'trusted_until_ms',
}

const REVOCATION_COLUMNS: Columns<SshRevocation> = { kind: 'kind', value: 'value', atMs: 'at_ms' }

const CERTIFICATE_COLUMNS: Columns<IssuedSshCertificate> = {
  id: 'id',
  kind: 'kind',
  keyId: 'key_id',
  principals: 'principals_json',
  authority: 'authority',
  subject: 'subject',
  userId: 'user_id',
  userEmail: 'user_email',
  deviceId: 'device_id',
  issuedAtMs: 'issued_at_ms',
  validUntilMs: 'valid_until_ms',
}

export function sqliteSshCa(db: Database, tenant: string): Store['sshCa'] {
  const put = db.prepare<Parameters>(
    insertSql('ssh_authorities', AUTHORITY_COLUMNS, 'INSERT OR REPLACE'),
  )
  const authorities = db.prepare<Parameters, Found>(
    `${selectSql('ssh_authorities', AUTHORITY_COLUMNS)} ORDER BY created_at_ms, id`,
  )
  const revoke = db.prepare<Parameters>(
    `${insertSql('ssh_revocations', REVOCATION_COLUMNS)} ON CONFLICT DO NOTHING`,
  )
  const revocations = db.prepare<Parameters, Found>(
    `${selectSql('ssh_revocations', REVOCATION_COLUMNS)} ORDER BY at_ms, kind, value`,
  )
  const log = db.prepare<Parameters>(insertSql('ssh_certificates', CERTIFICATE_COLUMNS))
  const certificates = db.prepare<Parameters, Found>(
    `${selectSql('ssh_certificates', CERTIFICATE_COLUMNS)}
     AND issued_at_ms < @beforeMs ORDER BY issued_at_ms DESC, id DESC LIMIT @limit`,
  )
  return {
    putAuthorities: db.transaction((rows: readonly SshAuthority[]) => {
      for (const row of rows) put.run(parametersOf(AUTHORITY_COLUMNS, tenant, row))
    }),
    authorities: () => rowsOf(AUTHORITY_COLUMNS, authorities.all({ tenant })),
    revoke(revocation) {
      revoke.run(parametersOf(REVOCATION_COLUMNS, tenant, revocation))
    },
    revocations: () => rowsOf(REVOCATION_COLUMNS, revocations.all({ tenant })),
    logCertificate(certificate) {
      log.run(parametersOf(CERTIFICATE_COLUMNS, tenant, certificate))
    },
    certificates: ({ limit, beforeMs = Number.MAX_SAFE_INTEGER }) =>
      rowsOf(CERTIFICATE_COLUMNS, certificates.all({ tenant, limit, beforeMs })),
  }
}
