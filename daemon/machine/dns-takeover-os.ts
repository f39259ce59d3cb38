/** Takes over the DNS of this machine for our zones, in the first way that is open, and gives it back. */

import type { DnsServer } from '#lib/dns/server'
import type { Log } from '#lib/log'
import { formatAddress } from '#lib/net/address'
import { err, ok, type Result } from '#lib/result'
import { type DnsMode, type DnsRefusal, type DnsWanted, dnsModes } from './dns-plan.ts'
import { holdPort53 } from './dns-port53-os.ts'
import { holdResolvConf } from './dns-resolv-conf-os.ts'
import { holdResolved } from './dns-resolved-os.ts'
import type { DnsWay } from './dns-way.ts'
import { nameserversOf } from './resolv-conf.ts'
import { RESOLV_CONF, resolvConfWithoutUs } from './resolv-conf-os.ts'
import { watchPath } from './watch-path-os.ts'

/** A way that was tried first, and why it was not open. */
export type PassedOver = DnsRefusal & { readonly mode: DnsMode }

/** DNS of this machine in our hands. */
export interface DnsTakeover extends DnsWay {
  readonly mode: DnsMode
  readonly passedOver: readonly PassedOver[]
  /** The machine's servers now, ours left out. */
  readonly upstreams: () => readonly DnsServer[]
}

type Hold = (
  wanted: DnsWanted,
  log: Log,
  signal: AbortSignal,
) => Promise<Result<DnsWay, DnsRefusal>>

const NOTHING: DnsWay = {
  lost: () => undefined,
  change: async () => ok(undefined),
  undo: async () => {},
}

const HOLDS: Readonly<Record<DnsMode, Hold>> = {
  resolved: holdResolved,
  port53: holdPort53,
  resolv_conf: holdResolvConf,
  off: async () => ok(NOTHING),
}

/** The resolver must answer, and its addresses lead into the TUN, before. */
export async function takeOverDns(
  wanted: DnsWanted,
  log: Log,
  signal: AbortSignal,
): Promise<Result<DnsTakeover, DnsRefusal>> {
  const passedOver: PassedOver[] = []
  const resolvConf = await resolvConfWithoutUs()
  for (const mode of dnsModes(wanted.setting, resolvConf)) {
    const way = await HOLDS[mode](wanted, log, signal)
    if (way.ok) {
      return ok({ ...followed(way.value, wanted, resolvConf, log), mode, passedOver })
    }
    passedOver.push({ mode, ...way.error })
  }
  const detail = passedOver.map((one) => `${one.mode}: ${one.detail} (${one.reason})`).join('; ')
  return err({ reason: 'dns_not_taken', detail })
}

/** A way that is open, with the servers behind it as they change. */
function followed(
  way: DnsWay,
  wanted: DnsWanted,
  resolvConf: string,
  log: Log,
): Omit<DnsTakeover, 'mode' | 'passedOver'> {
  let own = wanted.resolverAddresses
  let text = resolvConf
  const watch = watchPath(RESOLV_CONF, log, async () => {
    text = await resolvConfWithoutUs()
  })
  return {
    lost: way.lost,
    ...(way.gone && { gone: way.gone }),
    ...(way.leftOut && { leftOut: way.leftOut }),
    upstreams: () => {
      const ours = own.map(formatAddress)
      const others = nameserversOf(text).filter((server) => !ours.includes(server))
      return others.map((host) => ({ host, port: DNS_PORT }))
    },
    change: async (next, signal) => {
      const changed = await way.change(next, signal)
      if (changed.ok) own = next.resolverAddresses
      return changed
    },
    undo: async (signal) => {
      await watch.close()
      await way.undo(signal)
    },
  }
}

/** RFC 1035 section 4.2. */
const DNS_PORT = 53

/** Servers of the machine: they must be reached as without us. */
export async function systemNameservers(): Promise<readonly string[]> {
  return nameserversOf(await resolvConfWithoutUs())
}
