/**
 * Opens a flow the way its destination goes: through the tunnel, directly, or not at all. What is ours never goes
 * directly, whatever state the tunnel is in.
 */
import { randomUUID } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { err, ok, type Result } from '#lib/result'
import type { FlowClaims, FlowRefusal, FlowTarget, OnGone } from '#lib/tunnel/tunnel-connection'
import { connectTo, resolveHost } from './direct-client.ts'
import type { OpenFlow } from './listen/open-flow.ts'
import { type LocalReason, localRefusal } from './listen/refusal.ts'
import type { Routes } from './route.ts'
import type { TunnelClient } from './tunnel/tunnel.ts'

/** What the daemon knows when a flow comes. `isSettling`: it will know more in a moment. */
export type FlowState = {
  readonly isSettling: boolean
} /** Nothing is known to be ours, so everything may be: refused with the reason. */ & (
  | { readonly routes?: undefined; readonly reason: LocalReason }
  | {
      readonly routes: Routes
      /** The tunnel, or why there is none now. */
      readonly tunnel: Pick<TunnelClient, 'openFlow'> | LocalReason
    }
)

/** Where the state comes from. */
export type FlowStateSource = {
  /** The state now; asked anew for each flow. */
  readonly flowState: FlowState
  /** Settles when the tunnel is up or is known not to come up, or after `limitMs`. */
  settled(limitMs: number): Promise<void>
}

/** How long a flow waits for a tunnel that is just coming up: after the start, after sleep. */
const SETTLE_MS = 5_000

/** Makes the opener of flows. */
export function createOpenFlow(source: FlowStateSource): OpenFlow {
  return async (target, claims, onGone) => {
    const now = await settledState(source, target)
    if (now.routes === undefined) return err(localRefusal(now.reason))
    // Joins log lines of daemon and gateway; no secret, only unlikely to repeat.
    const joined = { correlationId: randomUUID(), ...claims }
    return openBy(target, { claims: joined, onGone }, now)
  }
}

async function settledState(source: FlowStateSource, target: FlowTarget): Promise<FlowState> {
  const before = source.flowState
  if (!before.isSettling || before.routes?.routeFor(target).kind === 'direct') return before
  await source.settled(SETTLE_MS)
  return source.flowState
}

/** Who asks for a flow. */
type Asking = { readonly claims: FlowClaims; readonly onGone: OnGone | undefined }
type Known = Extract<FlowState, { readonly routes: Routes }>

async function openBy(
  target: FlowTarget,
  asking: Asking,
  state: Known,
): Promise<Result<Duplex, FlowRefusal>> {
  const way = await findWay(target, state.routes)
  if (!way.ok) return way
  return way.value.kind === 'tunnel'
    ? openInTunnel(way.value.target, asking, state)
    : connectTo(target, way.value.addresses)
}

/** Where a flow goes in the end; in the tunnel perhaps to an address behind the name that was asked for. */
type Way =
  | { readonly kind: 'tunnel'; readonly target: FlowTarget }
  | { readonly kind: 'direct'; readonly addresses: readonly string[] }

/** Finds the way of a destination: what is not ours by its name is looked up, and may be ours by an address. Never rejects. */
export async function findWay(
  target: FlowTarget,
  { routeFor }: Pick<Routes, 'routeFor'>,
): Promise<Result<Way, FlowRefusal>> {
  const route = routeFor(target)
  if (route.kind === 'refuse') return err(localRefusal(route.reason))
  if (route.kind === 'tunnel') return ok({ kind: 'tunnel', target })
  const addresses = await resolveHost(target.host)
  if (!addresses.ok) return addresses
  for (const host of route.judged ? [] : addresses.value) {
    const byAddress = routeFor({ host, port: target.port })
    if (byAddress.kind === 'tunnel') return ok({ kind: 'tunnel', target: { ...target, host } })
    if (byAddress.kind === 'refuse') return err(localRefusal(byAddress.reason))
  }
  return ok({ kind: 'direct', addresses: addresses.value })
}

async function openInTunnel(
  target: FlowTarget,
  { claims, onGone }: Asking,
  { tunnel }: Known,
): Promise<Result<Duplex, FlowRefusal>> {
  if (typeof tunnel === 'string') return err(localRefusal(tunnel))
  const flow = await tunnel.openFlow(target, claims, onGone)
  // The tunnel's own words for "no connection" mean to a user that the gateway is away.
  const isAway = !flow.ok && NO_CONNECTION.has(flow.error.reason)
  return isAway ? err(localRefusal('gateway_unreachable')) : flow
}

const NO_CONNECTION = new Set(['not_connected', 'connection_lost'])
