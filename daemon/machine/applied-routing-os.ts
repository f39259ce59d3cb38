/** The routing of ours on this machine while the daemon serves: made, changed as settings change, taken away. */
import { formatAddress, type IpAddress } from '#lib/net/address'
import type { Prefix } from '#lib/net/prefix'
import { err, ok, type Result } from '#lib/result'
import { TUN_LINK } from '../intercept/tun-link.ts'
import { type Batch, changes, NO_ROUTING, oursOf } from './changes.ts'
import type { BatchFailure } from './ip-batch.ts'
import type { Machine } from './machine.ts'
import { type LeftOut, type PlanRefusal, planRouting, type Wanted } from './plan.ts'
import { applyBatches, type Changed, type LookRefusal, lookAtRouting } from './routing-os.ts'

/** Why it was not changed; what was there before is there again. */
export type RoutingRefusal =
  | PlanRefusal
  | LookRefusal
  | { readonly reason: 'not_applied'; readonly failed: readonly BatchFailure[] }

/** Routing that is in force. */
export interface AppliedRouting {
  /** What stays with others. */
  readonly leftOut: readonly LeftOut[]
  /** What was done to come here, in lines of `ip -batch`. */
  readonly done: readonly string[]
  /** Goes over to other settings; after a refusal the ones before are in force. */
  change(wanted: Wanted, signal: AbortSignal): Promise<Result<AppliedRouting, RoutingRefusal>>
  /** Takes everything away; the address and state of the TUN go with it. */
  undo(signal: AbortSignal): Promise<Changed>
}

/** Makes the TUN ready and leads traffic into it. It must be of this process: the kernel takes it away with us. */
export async function applyRouting(
  wanted: Wanted,
  signal: AbortSignal,
): Promise<Result<AppliedRouting, RoutingRefusal>> {
  const machine = await lookAtRouting(signal)
  if (!machine.ok) return machine
  const ready = await applyBatches(deviceBatches(possible(wanted, machine.value)), signal)
  if (ready.failed.length > 0) return err({ reason: 'not_applied', failed: ready.failed })
  const applied = await goOver(wanted, signal)
  if (!applied.ok) return applied
  return ok({ ...applied.value, done: [...ready.done, ...applied.value.done] })
}

/** From whatever of ours there is, be it of a daemon that was killed. */
async function goOver(
  wanted: Wanted,
  signal: AbortSignal,
): Promise<Result<AppliedRouting, RoutingRefusal>> {
  const machine = await lookAtRouting(signal)
  if (!machine.ok) return machine
  const planned = planRouting(possible(wanted, machine.value), machine.value, process.geteuid?.())
  if (!planned.ok) return planned
  const before = oursOf(machine.value)
  const { done, failed } = await applyBatches(changes(before, planned.value), signal)
  if (failed.length > 0) {
    await applyBatches(changes(planned.value, before), signal)
    return err({ reason: 'not_applied', failed })
  }
  return ok({
    leftOut: planned.value.leftOut,
    done,
    change: goOver,
    undo: async (until) => {
      const undone = await applyBatches(changes(planned.value, NO_ROUTING), until)
      const swept = await sweep(until)
      return {
        done: [...undone.done, ...swept.done],
        failed: [...undone.failed, ...swept.failed],
      }
    },
  })
}

/** A change that was ended half way has left more of ours than was planned. */
async function sweep(signal: AbortSignal): Promise<Changed> {
  const machine = await lookAtRouting(signal)
  if (!machine.ok) return { done: [], failed: [{ line: 'show', complaint: machine.error.detail }] }
  return applyBatches(changes(oursOf(machine.value), NO_ROUTING), signal)
}

/** What is wanted without IPv6, where that is switched off: not even loopback has an address. */
function possible(wanted: Wanted, { links }: Machine): Wanted {
  const hasIpv6 = links.some(({ addresses }) => addresses.some(({ address }) => isV6(address)))
  if (hasIpv6) return wanted
  const onlyV4 = ({ address }: Prefix): boolean => !isV6(address)
  return {
    ...wanted,
    tunAddresses: wanted.tunAddresses.filter((address) => !isV6(address)),
    resolverAddresses: wanted.resolverAddresses.filter((address) => !isV6(address)),
    synthetic: wanted.synthetic.filter(onlyV4),
    prefixes: wanted.prefixes.filter(onlyV4),
  }
}

function isV6({ version }: IpAddress): boolean {
  return version === 6
}

function deviceBatches({ tunName, tunAddresses }: Wanted): readonly Batch[] {
  const link = [
    // No link-local address: everybody would have a route to its prefix.
    `link set dev ${tunName} addrgenmode none`,
    `link set dev ${tunName} ${TUN_LINK} up`,
  ]
  const addresses = (version: 4 | 6): string[] =>
    tunAddresses
      .filter((address) => address.version === version)
      .map((address) => `address add ${formatAddress(address)} dev ${tunName}`)
  // No duplicate address detection where there are no neighbours: it would hold IPv6 back for a second.
  const lines6 = addresses(6).map((line) => `${line} nodad`)
  return [
    { family: 4, verb: 'add', lines: [...link, ...addresses(4)] },
    { family: 6, verb: 'add', lines: lines6 },
  ]
}
