/** Looks at what interception stands on: native calls, the TUN device, our rights, user namespaces. */
import { constants, open, readFile, stat } from 'node:fs/promises'
import { loadKoffi } from '#lib/koffi-os'
import { hasNetAdmin } from './capabilities.ts'
import type { InterceptionFacts, NamespaceFacts } from './facts.ts'

const TUN = '/dev/net/tun'
/** Read and write for others (inode(7)). */
const OTHERS = 0o006

/** Looks with the rights of this process. Never rejects. */
export async function lookAtInterception(): Promise<InterceptionFacts> {
  const mode = await stat(TUN).then(
    (one) => one.mode,
    () => 0,
  )
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '')
  return {
    koffi: loadKoffi() !== undefined,
    tunDevice: await tunDevice(),
    tunOpenToUsers: (mode & OTHERS) === OTHERS,
    netAdmin: hasNetAdmin(status),
    namespaces: await namespaces(),
  }
}

/** Opening alone makes no device. */
async function tunDevice(): Promise<InterceptionFacts['tunDevice']> {
  try {
    const file = await open(TUN, constants.O_RDWR)
    await file.close()
    return 'usable'
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'EACCES' || code === 'EPERM' ? 'not_permitted' : 'absent'
  }
}

async function namespaces(): Promise<NamespaceFacts> {
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
