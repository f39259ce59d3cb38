/**
 * Tells systemd-resolved that our names are asked of the TUN (resolvectl(1)), again whenever it has forgotten. It forgets
 * by itself when the TUN goes.
 */

import type { Log } from '#lib/log'
import { formatAddress } from '#lib/net/address'
import { err, ok, type Result } from '#lib/result'
import { runSystem, type Said } from '../posture/run-os.ts'
import type { DnsRefusal, DnsWanted } from './dns-plan.ts'
import type { DnsWay } from './dns-way.ts'
import { watchPath } from './watch-path-os.ts'

/** It makes its sockets anew in it when it starts. */
const RESOLVED_FOLDER = '/run/systemd/resolve'
const CHECK_TIMEOUT_MS = 5_000

/** @returns refusals `resolved_absent`, `resolved_not_permitted` (polkit), `resolved_refused`. */
export async function holdResolved(
  wanted: DnsWanted,
  log: Log,
  signal: AbortSignal,
): Promise<Result<DnsWay, DnsRefusal>> {
  let current = wanted
  const told = await tell(wanted, signal)
  if (!told.ok) return told
  const watch = watchPath(RESOLVED_FOLDER, log, async () => {
    const soon = AbortSignal.timeout(CHECK_TIMEOUT_MS)
    if (await knows(current, soon)) return
    const again = await tell(current, soon)
    if (again.ok) log.info({}, 'systemd-resolved was told our names again')
    else log.warn(again.error, 'systemd-resolved does not take our names')
  })
  return ok({
    lost: () => undefined,
    change: async (next, until) => {
      const told = await tell(next, until)
      if (told.ok) current = next
      return told
    },
    undo: async (until) => {
      await watch.close()
      // Without the link there is nothing to forget.
      await resolvectl(['revert', current.tunName], until)
    },
  })
}

async function tell(
  wanted: DnsWanted,
  signal: AbortSignal,
): Promise<Result<undefined, DnsRefusal>> {
  const { tunName, resolverAddresses, domains } = wanted
  const commands = [
    ['dns', tunName, ...resolverAddresses.map(formatAddress)],
    ['domain', tunName, ...routed(domains)],
    // Only what is below those domains; and no protocol that would ask or verify elsewhere.
    ...['default-route', 'llmnr', 'mdns', 'dnssec', 'dnsovertls'].map((one) => [
      one,
      tunName,
      'no',
    ]),
  ]
  for (const command of commands) {
    const said = await resolvectl(command, signal)
    if (said?.code !== 0) return err(refusalOf(said))
  }
  return ok(undefined)
}

/** `~` asks, and does not search. An empty list would keep the one before. */
function routed(domains: readonly string[]): readonly string[] {
  return domains.length === 0 ? [''] : domains.map((domain) => `~${domain}`)
}

async function knows({ tunName, domains }: DnsWanted, signal: AbortSignal): Promise<boolean> {
  const said = await resolvectl(['domain', tunName], signal)
  const known = said?.stdout.slice(said.stdout.indexOf(':') + 1).split(/\s+/) ?? []
  return domains.every((domain) => known.includes(`~${domain}`))
}

function resolvectl(args: readonly string[], signal: AbortSignal): Promise<Said | undefined> {
  return runSystem('resolvectl', args, signal)
}

function refusalOf(said: Said | undefined): DnsRefusal {
  if (said === undefined) {
    return { reason: 'resolved_absent', detail: 'resolvectl is not installed' }
  }
  const detail = said.stderr.trim()
  const isDenied = /access denied|authentication required/i.test(detail)
  return { reason: isDenied ? 'resolved_not_permitted' : 'resolved_refused', detail }
}
