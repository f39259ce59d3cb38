/**
 * Files that a program inside sees in place of the machine's, in the mount namespace of this process: resolv.conf, and
 * nothing where other programs would answer for names from outside.
 */
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadKoffi } from '#lib/koffi-os'
import { err, ok, type Result } from '#lib/result'
import type { InsideRefusal } from './refusal.ts'
import { insideResolvConf } from './resolv-conf.ts'

const RESOLV_CONF = '/etc/resolv.conf'
/** The C library asks these before it reads resolv.conf (nss-resolve(8), nscd(8)); connecting to a device is refused. */
const OTHER_RESOLVERS = ['/run/systemd/resolve/io.systemd.Resolve', '/run/nscd/socket']
const NOTHING = '/dev/null'
const MS_BIND = 4096

/** @param server address of the resolver. */
export function mountNames(server: string): Result<void, InsideRefusal> {
  const bind = bindMount()
  if (bind === undefined) return err({ reason: 'koffi_absent' })
  try {
    const place = realpathSync(RESOLV_CONF)
    mountText(insideResolvConf(readFileSync(place, 'utf8'), server), place, bind)
    for (const socket of OTHER_RESOLVERS.filter(existsSync)) bind(NOTHING, realpathSync(socket))
    return ok(undefined)
  } catch (cause) {
    return err({
      reason: 'resolv_conf_refused',
      detail: cause instanceof Error ? cause.message : String(cause),
    })
  }
}

function mountText(text: string, place: string, bind: Bind): void {
  const folder = mkdtempSync(join(tmpdir(), 'zt-run-'))
  try {
    const file = join(folder, 'resolv.conf')
    writeFileSync(file, text, { mode: 0o644 })
    bind(file, place)
  } finally {
    // A mount holds the file; its name is not needed any more.
    rmSync(folder, { recursive: true })
  }
}

type Bind = (from: string, onto: string) => void

/** mount(2), which mount(8) does not let a user have. */
function bindMount(): Bind | undefined {
  const koffi = loadKoffi()
  const mount = koffi
    ?.load(null)
    .func(
      'int mount(const char *from, const char *onto, const char *type, unsigned long flags, const char *data)',
    )
  if (koffi === undefined || mount === undefined) return undefined
  return (from, onto) => {
    if (mount(from, onto, null, MS_BIND, null) === 0) return
    throw new Error(`mount on ${onto}: error ${koffi.errno()}`)
  }
}
