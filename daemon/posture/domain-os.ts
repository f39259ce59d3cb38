/** Looks for the domain or realm that this machine has joined. */
import { access, readFile } from 'node:fs/promises'
import type { PostureFinding } from '#lib/wire/posture-message'
import { POSTURE_LIST_LIMIT } from '#lib/wire/posture-schema'
import { kerberosRealms, sambaDomains, sssdDomains } from './domain-files.ts'

const KEYTAB = '/etc/krb5.keytab'

/** @throws {Error} when a file is there and cannot be read: sssd.conf is for root. */
export async function findDomains(): Promise<PostureFinding> {
  const hasKeytab = await access(KEYTAB).then(
    () => true,
    () => false,
  )
  const domains = [
    ...sssdDomains(await textOf('/etc/sssd/sssd.conf')),
    ...sambaDomains(await textOf('/etc/samba/smb.conf')),
    ...(hasKeytab ? kerberosRealms(await textOf('/etc/krb5.conf')) : []),
  ]
  return { kind: 'domain_join', domains: [...new Set(domains)].slice(0, POSTURE_LIST_LIMIT) }
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const { code } = error as { code?: unknown }
    if (code === 'ENOENT' || code === 'ENOTDIR') return ''
    throw error
  }
}
