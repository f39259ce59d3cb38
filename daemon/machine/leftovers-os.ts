/**
 * Takes away what a daemon that died left in the routing of this machine: rules and routes that carry our marks (see
 * ./ours.ts). Works without a journal, and may be run at any time and again.
 */
import { err, ok, type Result } from '#lib/result'
import { changes, NO_ROUTING, oursOf } from './changes.ts'
import { applyBatches, type Changed, type LookRefusal, lookAtRouting } from './routing-os.ts'

/** Why nothing was done. */
export type LeftoversRefusal =
  | LookRefusal
  /** A daemon serves, and its own stop puts everything back. */
  | { readonly reason: 'in_use'; readonly detail: string }

/** Removes all that is left. @throws {Error} when `ip` hangs. */
export async function removeLeftovers(
  signal: AbortSignal,
): Promise<Result<Changed, LeftoversRefusal>> {
  const machine = await lookAtRouting(signal)
  if (!machine.ok) return machine
  const left = oursOf(machine.value)
  // Such a route is gone with its device, and the device with the daemon.
  const served = left.routes.find(({ type }) => type === 'unicast')
  if (served) return err({ reason: 'in_use', detail: `a daemon serves ${served.device}` })
  return ok(await applyBatches(changes(left, NO_ROUTING), signal))
}
