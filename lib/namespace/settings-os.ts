/** Reads the kernel's settings about user namespaces. */
import { readFile } from 'node:fs/promises'
import type { NamespaceFacts } from './obstacle.ts'

/** Never rejects. */
export async function namespaceSettings(): Promise<NamespaceFacts> {
  const unprivilegedClone = await sysctl('kernel/unprivileged_userns_clone')
  const largestCount = await sysctl('user/max_user_namespaces')
  const apparmorRestricts = await sysctl('kernel/apparmor_restrict_unprivileged_userns')
  return {
    ...(unprivilegedClone !== undefined && { unprivilegedClone }),
    ...(largestCount !== undefined && { largestCount }),
    ...(apparmorRestricts !== undefined && { apparmorRestricts }),
  }
}

async function sysctl(name: string): Promise<number | undefined> {
  const value = Number.parseInt(await readFile(`/proc/sys/${name}`, 'utf8').catch(() => ''), 10)
  return Number.isNaN(value) ? undefined : value
}
