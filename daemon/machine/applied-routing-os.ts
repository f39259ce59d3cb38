/** The routing of ours on this machine while the daemon serves: made, changed as settings change, taken away. */
import { formatAddress } from '#lib/net/address'
import { err, ok, type Result } from '#lib/result'
import { type Batch, changes, NO_ROUTING, oursOf } from './changes.ts'
import type { BatchFailure } from './ip-batch.ts'
import { type LeftOut, type PlanRefusal, planRouting, type Wanted } from './plan.ts'
import { applyBatches, type LookRefusal, lookAtRouting } from './routing-os.ts'

/** Why it was not changed; what was there before is there again. */
export type RoutingRefusal =
  | PlanRefusal
  | LookRefusal
  | { readonly reason: 'not_applied'; readonly failed: readonly BatchFailure[] }

/** Routing that is in force. */
export interface AppliedRouting {
  /** What stays with others. */
  readonly leftOut: readonly LeftOut[]
  /** Goes over to other settings; after a refusal the ones before are in force. */
  change(wanted: Wanted, signal: AbortSignal): Promise<Result<AppliedRouting, RoutingRefusal>>
  /** Takes everything away; the address and state of the TUN go with it. */
  undo(signal: AbortSignal): Promise<readonly BatchFailure[]>
}

/** Makes the TUN ready and leads traffic into it. It must be of this process: the kernel takes it away with us. */
export async function applyRouting(
  wanted: Wanted,
  signal: AbortSignal,
): Promise<Result<AppliedRouting, RoutingRefusal>> {
  const ready = await applyBatches(deviceBatches(wanted), signal)
  if (ready.failed.length > 0) return err({ reason: 'not_applied', failed: ready.failed })
  return goOver(wanted, signal)
}

/** From whatever of ours there is, be it of a daemon that was killed. */
async function goOver(
  wanted: Wanted,
  signal: AbortSignal,
): Promise<Result<AppliedRouting, RoutingRefusal>> {
  const machine = await lookAtRouting(signal)
  if (!machine.ok) return machine
  const planned = planRouting(wanted, machine.value)
  if (!planned.ok) return planned
  const before = oursOf(machine.value)
  const { failed } = await applyBatches(changes(before, planned.value), signal)
  if (failed.length > 0) {
    await applyBatches(changes(planned.value, before), signal)
    return err({ reason: 'not_applied', failed })
  }
  return ok({
    leftOut: planned.value.leftOut,
    change: goOver,
    undo: async (until) => (await applyBatches(changes(planned.value, NO_ROUTING), until)).failed,
  })
}

/** Below the 64 KiB that libuv reads at once, with the header of the device. */
const GSO_MAX_BYTES = 65_000

function deviceBatches({ tunName, tunAddresses }: Wanted): readonly Batch[] {
  // No link-local address: everybody would have a route to its prefix.
  const up = `link set dev ${tunName} addrgenmode none gso_max_size ${GSO_MAX_BYTES} up`
  const addresses = tunAddresses.map(
    // No duplicate address detection where there are no neighbours: it would hold IPv6 back for a second.
    (address) =>
      `address add ${formatAddress(address)} dev ${tunName}${address.version === 6 ? ' nodad' : ''}`,
  )
  return [{ family: 4, verb: 'add', lines: [up, ...addresses] }]
}
