/** Looks at what interception stands on: native calls, the TUN device, our rights, user namespaces. */
import { constants, open, readFile, stat } from 'node:fs/promises'
import { loadKoffi } from '#lib/koffi-os'
import { namespaceSettings } from '#lib/namespace/settings-os'
import { pathOf } from '../posture/run-os.ts'
import { hasNetAdmin } from './capabilities.ts'
import type { InterceptionFacts } from './facts.ts'

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
    namespaces: await namespaceSettings(),
    missingPrograms: await missing(['unshare', 'setpriv', 'ip']),
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

async function missing(names: readonly string[]): Promise<readonly string[]> {
  const paths = await Promise.all(names.map(pathOf))
  return names.filter((_, index) => paths[index] === undefined)
}
