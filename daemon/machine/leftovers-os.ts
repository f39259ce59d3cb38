/**
 * Takes away what a daemon that died left on this machine: rules and routes that carry our marks (see ./ours.ts), and a
 * resolv.conf of ours. May be run at any time and again.
 */
import { formatPrefix } from '#lib/net/prefix'
import { err, ok, type Result } from '#lib/result'
import { changes, NO_ROUTING, oursOf } from './changes.ts'
import type { Routing } from './plan.ts'
import { RESOLV_CONF, restoreResolvConf } from './resolv-conf-os.ts'
import { applyBatches, type Changed, type LookRefusal, lookAtRouting } from './routing-os.ts'

/** Why nothing was done. */
export type LeftoversRefusal =
  | LookRefusal
  /** A daemon serves, and its own stop puts everything back. */
  | { readonly reason: 'in_use'; readonly detail: string }

/**
 * Removes what is left.
 * @param keep `lockdown`: routing, if private prefixes are refused in it; `routing`: in any case, since others replace it.
 * @throws {Error} when `ip` hangs.
 */
export async function removeLeftovers(
  signal: AbortSignal,
  keep: 'nothing' | 'lockdown' | 'routing' = 'nothing',
): Promise<Result<Changed, LeftoversRefusal>> {
  const machine = await lookAtRouting(signal)
  if (!machine.ok) return machine
  const left = oursOf(machine.value)
  // Such a route is gone with its device, and the device with the daemon.
  const served = left.routes.find(({ type }) => type === 'unicast')
  if (served) return err({ reason: 'in_use', detail: `a daemon serves ${served.device}` })
  const stays = keep === 'routing' || (keep === 'lockdown' && isLockdown(left))
  const routing = await applyBatches(stays ? [] : changes(left, NO_ROUTING), signal)
  const dns = await putDnsBack()
  return ok({ done: [...routing.done, ...dns.done], failed: [...routing.failed, ...dns.failed] })
}

/** Synthetic ranges are refused at all times, by a rule as well; private prefixes only in lockdown. */
function isLockdown({ routes, rules }: Routing): boolean {
  const always = rules.flatMap(({ action, to }) => (action && to ? [formatPrefix(to)] : []))
  return routes.some(({ type, to }) => type === 'unreachable' && !always.includes(formatPrefix(to)))
}

/** Nothing else of the machine's DNS outlives the daemon. */
async function putDnsBack(): Promise<Changed> {
  try {
    const restored = await restoreResolvConf()
    return { done: restored === undefined ? [] : [`${RESOLV_CONF} ${restored}`], failed: [] }
  } catch (cause) {
    const complaint = cause instanceof Error ? cause.message : String(cause)
    return { done: [], failed: [{ line: RESOLV_CONF, complaint }] }
  }
}
