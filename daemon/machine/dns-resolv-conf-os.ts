/**
 * Keeps our resolver the first that /etc/resolv.conf names. Who rewrites it (a DHCP client with another network's
 * servers) is followed: what it wrote is the file to put back from then on. Who does so again and again is left alone.
 */
import { readFile } from 'node:fs/promises'
import type { Log } from '#lib/log'
import { err, ok, type Result } from '#lib/result'
import type { DnsRefusal, DnsWanted } from './dns-plan.ts'
import type { DnsWay } from './dns-way.ts'
import { isOurs, resolvConfOwner } from './resolv-conf.ts'
import { RESOLV_CONF, restoreResolvConf, takeOverResolvConf } from './resolv-conf-os.ts'
import { watchPath } from './watch-path-os.ts'

/** More than any network needs, fewer than a fight. */
const REWRITE_LIMIT = 5
const REWRITE_WINDOW_MS = 60_000

/** @returns refusals `resolv_conf_absent`, `resolv_conf_not_writable`; lost as `resolv_conf_contested`. */
export async function holdResolvConf(
  wanted: DnsWanted,
  log: Log,
): Promise<Result<DnsWay, DnsRefusal>> {
  const taken = await takeOver(wanted)
  if (!taken.ok) return taken
  let current = wanted
  let lost: DnsRefusal | undefined
  let rewrites: readonly number[] = []
  const watch = watchPath(RESOLV_CONF, log, async () => {
    const text = await readFile(RESOLV_CONF, 'utf8').catch(() => '')
    if (lost !== undefined || isOurs(text)) return
    const now = performance.now()
    rewrites = [...rewrites.filter((at) => now - at < REWRITE_WINDOW_MS), now]
    const again = rewrites.length > REWRITE_LIMIT ? contested(text) : await takeOver(current)
    if (again.ok) return log.info({ by: resolvConfOwner(text) }, 'resolv.conf was rewritten')
    lost = again.error
    await restoreResolvConf().catch(() => {})
    log.warn(lost, 'resolv.conf is left to others')
  })
  return ok({
    lost: () => lost,
    change: async (next) => {
      const again = lost === undefined ? await takeOver(next) : err(lost)
      if (again.ok) current = next
      return again
    },
    undo: async () => {
      await watch.close()
      await restoreResolvConf()
    },
  })
}

async function takeOver({ resolverAddresses }: DnsWanted): Promise<Result<undefined, DnsRefusal>> {
  const [server] = resolverAddresses
  if (server === undefined) return err({ reason: 'no_resolver', detail: 'our resolver is nowhere' })
  const taken = await takeOverResolvConf(server)
  return taken.ok ? ok(undefined) : taken
}

function contested(text: string): Result<undefined, DnsRefusal> {
  const by = resolvConfOwner(text)
  const who = by === 'unknown' ? 'another program' : by
  const detail = `${who} rewrote ${RESOLV_CONF} more than ${REWRITE_LIMIT} times within a minute`
  return err({ reason: 'resolv_conf_contested', detail })
}
