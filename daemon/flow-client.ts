/**
 * Opens a flow the way its destination goes: through the tunnel, directly, or not at all. What is ours never goes
 * directly, whatever state the tunnel is in.
 */
import { randomUUID } from 'node:crypto'
import { err, ok, type Result } from '#lib/result'
import type { FlowClaims, FlowRefusal, FlowTarget } from '#lib/tunnel/tunnel-connection'
import { connectTo, resolveHost } from './direct-client.ts'
import { datagramsTo } from './direct-datagrams-client.ts'
import { portalAddresses } from './life/portal.ts'
import type { OpenPortal } from './life/portal-job.ts'
import type { OpenDatagrams, Openers, OpenFlow } from './listen/open-flow.ts'
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
      readonly tunnel: Tunnel | LocalReason
    }
)

/** Where the state comes from. */
export type FlowStateSource = {
  /** The state now; asked anew for each flow. */
  readonly flowState: FlowState
  /** A captive portal that the user opened: what leads to it goes directly, as long as it is open. */
  readonly portal?: OpenPortal | undefined
  /** Settles when the tunnel is up or is known not to come up, or after `limitMs`. */
  settled(limitMs: number): Promise<void>
}

/** How long a flow waits for a tunnel that is just coming up: after the start, after sleep, while a gateway restarts. */
const SETTLE_MS = 10_000

/** `onlyPrivate`: what is not ours is refused, whatever the settings say. */
export type OpenOptions = { readonly onlyPrivate?: boolean }

/** Makes both openers. */
export function openersOf(source: FlowStateSource, options: OpenOptions = {}): Openers {
  return {
    openFlow: createOpenFlow(source, options),
    openDatagrams: createOpenDatagrams(source, options),
  }
}

/** Makes the opener of flows. */
export function createOpenFlow(source: FlowStateSource, options: OpenOptions = {}): OpenFlow {
  return (target, claims, onGone) =>
    open(source, target, {
      inTunnel: (tunnel, to) => tunnel.openFlow(to, joined(claims), onGone),
      direct: options.onlyPrivate ? refuseOther : (addresses) => connectTo(target, addresses),
      end: (flow) => flow.destroy(),
      onEnded: (flow, listener) => void flow.once('close', listener),
    })
}

const refuseOther = async () => err(localRefusal('others_refused'))

/** Makes the opener of datagram flows; they go the same ways. */
export function createOpenDatagrams(
  source: FlowStateSource,
  options: OpenOptions = {},
): OpenDatagrams {
  return (transport, target, claims, onGone) =>
    open(source, target, {
      inTunnel: (tunnel, to) => tunnel.openDatagrams(transport, to, joined(claims), onGone),
      direct: options.onlyPrivate
        ? refuseOther
        : ([address]) =>
            // A ping of our own would need privileges that the daemon does not have.
            transport === 'udp' && address !== undefined
              ? datagramsTo(address, target.port)
              : Promise.resolve(err(localRefusal('target_unreachable'))),
      end: (flow) => flow.close(),
      onEnded: (flow, listener) => void flow.closed.then(listener),
    })
}

/** Joins log lines of daemon and gateway; no secret, only unlikely to repeat. */
function joined(claims: FlowClaims): FlowClaims {
  return { correlationId: randomUUID(), ...claims }
}

/** How a flow is opened once its way is known. */
type Ways<Flow> = {
  readonly inTunnel: (tunnel: Tunnel, to: FlowTarget) => Promise<Result<Flow, FlowRefusal>>
  readonly direct: (addresses: readonly string[]) => Promise<Result<Flow, FlowRefusal>>
  readonly end: (flow: Flow) => void
  readonly onEnded: (flow: Flow, listener: () => void) => void
}
type Tunnel = Pick<TunnelClient, 'openFlow' | 'openDatagrams'>

async function open<Flow>(
  source: FlowStateSource,
  target: FlowTarget,
  openers: Ways<Flow>,
): Promise<Result<Flow, FlowRefusal>> {
  const { inTunnel, direct } = openers
  const { portal } = source
  const opened = portal && portalAddresses(portal.portal, target)
  if (portal && opened) return endingWith(portal.until, await direct(opened), openers)
  const now = await settledState(source, target)
  if (now.routes === undefined) return err(localRefusal(now.reason))
  const way = await findWay(target, now.routes)
  if (!way.ok) return way
  if (way.value.kind === 'direct') return direct(way.value.addresses)
  const to = way.value.target
  const flow = await tryTunnel(now, (tunnel) => inTunnel(tunnel, to))
  if (flow.ok || !NO_CONNECTION.has(flow.error.reason)) return shown(flow)
  // No verdict came, so nothing of the program's was sent: it may be asked again where the tunnel comes back.
  await source.settled(SETTLE_MS)
  return shown(await tryTunnel(source.flowState, (tunnel) => inTunnel(tunnel, to)))
}

function endingWith<Flow>(
  until: AbortSignal,
  flow: Result<Flow, FlowRefusal>,
  { end, onEnded }: Pick<Ways<Flow>, 'end' | 'onEnded'>,
): Result<Flow, FlowRefusal> {
  if (!flow.ok) return flow
  const cut = (): void => end(flow.value)
  if (until.aborted) cut()
  until.addEventListener('abort', cut, { once: true })
  onEnded(flow.value, () => until.removeEventListener('abort', cut))
  return flow
}

async function tryTunnel<Flow>(
  now: FlowState,
  inTunnel: (tunnel: Tunnel) => Promise<Result<Flow, FlowRefusal>>,
): Promise<Result<Flow, FlowRefusal>> {
  if (now.routes === undefined) return err(localRefusal(now.reason))
  if (typeof now.tunnel === 'string') return err(localRefusal(now.tunnel))
  return inTunnel(now.tunnel)
}

/** The tunnel's own words for "no connection" mean to a user that the gateway is away. */
function shown<Flow>(flow: Result<Flow, FlowRefusal>): Result<Flow, FlowRefusal> {
  const isAway =
    !flow.ok && (NO_CONNECTION.has(flow.error.reason) || flow.error.reason === GIVEN_UP)
  return isAway ? err(localRefusal('gateway_unreachable')) : flow
}

async function settledState(source: FlowStateSource, target: FlowTarget): Promise<FlowState> {
  const before = source.flowState
  if (!before.isSettling || before.routes?.routeFor(target).kind === 'direct') return before
  await source.settled(SETTLE_MS)
  return source.flowState
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

const NO_CONNECTION = new Set(['not_connected', 'connection_lost'])
/** Nobody waits for the verdict any more. */
const GIVEN_UP = 'given_up'
