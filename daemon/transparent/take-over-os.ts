/**
 * Takes the traffic of this machine, step by step, and gives it back in the other order: a device, the engine on it,
 * routes into it. Nothing is left when a step fails.
 */
import { formatPrefix } from '#lib/net/prefix'
import { err, ok, type Result } from '#lib/result'
import type { InterceptDeps } from '../intercept/intercept-deps.ts'
import { type Interception, startInterception } from '../intercept/interception-server.ts'
import { openTun, type TunDevice } from '../intercept/tun-os.ts'
import { applyRouting, type RoutingRefusal } from '../machine/applied-routing-os.ts'
import type { NoteChange } from '../machine/journal.ts'
import { removeLeftovers } from '../machine/leftovers-os.ts'
import { redirectTable } from '../machine/nft-table.ts'
import { holdNftTable } from '../machine/nft-table-os.ts'
import type { LeftOut } from '../machine/plan.ts'
import type { Failure } from './failure.ts'
import { type LedNames, leadNames } from './names-os.ts'
import { giveBack, type Undos } from './undos.ts'
import type { Wish } from './wish.ts'

/** Traffic that is taken. */
export interface TakenOver {
  readonly interception: Interception
  readonly names: LedNames
  readonly leftOut: readonly LeftOut[]
  /** Goes over to other routes and zones; after a refusal the ones before are in force. */
  change(wish: Wish): Promise<Result<undefined, Failure>>
  /** Gives everything back; `locked`: what `lockdown` refuses stays refused, as after a crash. */
  close(how: 'locked' | 'open'): Promise<void>
}

export type TakeOverDeps = InterceptDeps & {
  /** Others took away what it stands on. */
  readonly onLost: (what: 'nft_table' | 'names') => void
  readonly note: NoteChange
}

type Start = { readonly wish: Wish; readonly deps: TakeOverDeps; readonly undos: Undos }

const LOCKED = 'lockdown: private destinations stay unreachable; "zt-daemon undo" lifts it'
/** `ip` answers within milliseconds. */
const CHANGE_TIMEOUT_MS = 10_000

/** @throws {Error} when a listener cannot be had, or `ip` hangs; nothing is left then either, unless it hangs again. */
export async function takeOver(
  wish: Wish,
  deps: TakeOverDeps,
): Promise<Result<TakenOver, Failure>> {
  const { tunName, lockdown } = wish.routing
  const left = await removeLeftovers(soon(), lockdown ? 'routing' : 'nothing')
  if (!left.ok) return left
  deps.note('leftovers', left.value)
  const device = openTun(tunName)
  if (!device.ok) return device
  const undos: Undos = [async () => device.value.close()]
  try {
    const taken = await takeInto(device.value, { wish, deps, undos })
    if (!taken.ok) await giveBack(undos)
    return taken
  } catch (cause) {
    await giveBack(undos)
    // `ip` may have been ended half way through what it was to add.
    await removeLeftovers(soon(), lockdown ? 'lockdown' : 'nothing')
    throw cause
  }
}

/** A redirect is there before routes lead to it; the kernel's own stack on the device needs routes first. */
async function takeInto(
  device: TunDevice,
  { wish, deps, undos }: Start,
): Promise<Result<TakenOver, Failure>> {
  const redirect = await startRedirect(device, { wish, deps, undos })
  const routes = await leadRoutes({ wish, deps, undos })
  if (!routes.ok) return routes
  const interception = redirect ?? (await startTunNat(device, { wish, deps, undos }))
  const names = await leadNames(wish.names, { ...deps, onLost: () => deps.onLost('names') })
  undos.push(() => names.close())
  return ok({
    ...{ interception, names },
    get leftOut() {
      return routes.value.leftOut
    },
    change: async (next) => {
      const changed = await routes.value.change(next)
      if (changed.ok) await names.change(next.names)
      return changed
    },
    close: (how) => {
      if (how === 'locked') routes.value.lock()
      return giveBack(undos)
    },
  })
}

type LedRoutes = {
  readonly leftOut: readonly LeftOut[]
  change(wish: Wish): Promise<Result<undefined, Failure>>
  /** With lockdown, what comes now gives nothing back. */
  lock(): void
}

async function leadRoutes({ wish, deps, undos }: Start): Promise<Result<LedRoutes, Failure>> {
  const applied = await applyRouting(wish.routing, soon())
  if (!applied.ok) return err(failureOf(applied.error))
  let routing = applied.value
  deps.note('routing', routing)
  let { lockdown } = wish.routing
  let isLocked = false
  undos.push(async () => {
    if (isLocked) return deps.log.warn({}, LOCKED)
    const undone = await routing.undo(soon())
    deps.note('routing', undone)
    if (undone.failed.length > 0) deps.log.warn({ failed: undone.failed }, 'routing not undone')
  })
  return ok({
    get leftOut() {
      return routing.leftOut
    },
    change: async (next) => {
      const changed = await routing.change(next.routing, soon())
      if (!changed.ok) return err(failureOf(changed.error))
      routing = changed.value
      deps.note('routing', routing)
      lockdown = next.routing.lockdown
      return ok(undefined)
    },
    lock: () => {
      isLocked = lockdown
    },
  })
}

/** undefined where nft cannot be used. */
async function startRedirect(
  device: TunDevice,
  { wish, deps, undos }: Start,
): Promise<Interception | undefined> {
  const interception = await startInterception(device, deps, { mode: 'redirect' })
  const { redirectPort = 0 } = interception
  const { tunName, uids } = wish.routing
  const wanted = redirectTable(tunName, redirectPort, uids)
  const table = await holdNftTable(wanted)
  if (!table.ok) {
    deps.log.info(table.error, 'no redirect by nft')
    await interception.close()
    return undefined
  }
  deps.note('redirect', { done: [`table inet ${wanted.name}: ${wanted.match}`] })
  let isOurs = true
  void table.value.gone.then(() => isOurs && deps.onLost('nft_table'))
  undos.push(async () => {
    isOurs = false
    await interception.close()
    await table.value.close()
    deps.note('redirect', { done: [`no table inet ${wanted.name}`] })
  })
  return interception
}

async function startTunNat(device: TunDevice, { wish, deps, undos }: Start): Promise<Interception> {
  const { tunAddresses: addresses } = wish.routing
  const interception = await startInterception(device, deps, { mode: 'tun-nat', addresses })
  undos.push(() => interception.close())
  return interception
}

function failureOf(refusal: RoutingRefusal): Failure {
  const { reason } = refusal
  switch (reason) {
    case 'cannot_look':
      return refusal
    case 'synthetic_taken':
      return { reason, detail: `${formatPrefix(refusal.prefix)} is used by ${refusal.link}` }
    case 'not_applied':
      return { reason, detail: refusal.failed.map(({ complaint }) => complaint).join('; ') }
  }
}

function soon(): AbortSignal {
  return AbortSignal.timeout(CHANGE_TIMEOUT_MS)
}
