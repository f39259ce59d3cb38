/**
 * Carries out decisions on flows (the PEP): decide, resolve, decide on the address, dial, relay; one record each.
 * Nothing is sent towards a target before the decision, and only the address that was decided on is dialled.
 *
 *   CONNECT ─► validate ─► table ─► decide ─► resolve ─► decide address ─► dial ─► relay | ssh
 */
import { formatHost, parseEndpoint, parseHost } from '#lib/net/endpoint'
import type { FlowTarget } from '#lib/tunnel/tunnel-connection'
import { gatherFacts } from '../facts/gather.ts'
import { newFlowId, openFlowRecord } from '../flow/flow-recorder.ts'
import type { Device, User } from '../store/store.ts'
import type { IncomingFlow } from '../tunnel/incoming.ts'
import { wireRefusal } from '../tunnel/refusal.ts'
import type { FlowServerDeps } from './flow-deps.ts'
import { createLiveFlow, type LiveFlow } from './live-flow.ts'
import { carryFlow } from './passage-server.ts'
import { hopFlow, isSshAt, reachThrough } from './reach-hop-server.ts'
import { reach } from './reach-server.ts'
import type { SshHop } from './ssh-service.ts'

/** Longest text of a destination that is kept when it is none. */
const BAD_TEXT_LIMIT = 255

/** The taker of incoming flows; never throws. */
export function createFlowServer(deps: FlowServerDeps): (flow: IncomingFlow) => void {
  return (flow) => serveFlow(flow, deps)
}

/** @param inside the way through another flow's session that it came by, if it did. */
function serveFlow(flow: IncomingFlow, deps: FlowServerDeps, inside?: SshHop): void {
  const live = openFlow(flow, deps)
  if (live === undefined) return
  carryFlow(live, {
    ...deps,
    hop: (hop) => takeHop(hop, flow, live, deps),
    ...(inside !== undefined && { parent: inside.parent }),
    reach: (of, first) =>
      inside === undefined ? reach(of, first, deps) : reachThrough(inside, of, first, deps),
  }).catch((error: unknown) => {
    deps.log.error({ flowId: live.id, error: String(error) }, 'flow failed')
    live.end({ closeReason: 'internal_error' })
    flow.reset()
  })
}

/** What may carry anything is a flow only where policy knows SSH there; what may carry SSH alone always is one. */
function takeHop(
  hop: SshHop,
  outer: IncomingFlow,
  { facts }: LiveFlow,
  deps: FlowServerDeps,
): boolean {
  const target = readTarget({ authority: hop.authority, transport: 'tcp' })
  const isTaken = hop.onlySsh || (target !== undefined && isSshAt(target, facts, deps.decider))
  if (isTaken) serveFlow(hopFlow(hop, outer), deps, hop)
  return isTaken
}

/** Admits the device, reads the target, and enters table and record; refuses where one of these fails. */
function openFlow(flow: IncomingFlow, deps: FlowServerDeps): LiveFlow | undefined {
  const admitted = flow.peer.admitted()
  const device = admitted.ok ? admitted.value : undefined
  const user = device === undefined ? undefined : deps.user(device.userId)
  if (!admitted.ok || device === undefined || user === undefined) {
    const reason = admitted.ok ? 'device_unknown' : admitted.error.reason
    deps.log.warn({ deviceId: flow.peer.leaf.deviceId, reason }, 'flow refused')
    flow.refuse(wireRefusal(reason))
    return undefined
  }
  const target = readTarget(flow)
  const live = enter(flow, device, user, target ?? badTarget(flow.authority), deps)
  if (live !== undefined && target === undefined) {
    live.refuse('bad_destination')
    return undefined
  }
  return live
}

function enter(
  flow: IncomingFlow,
  device: Device,
  user: User,
  target: FlowTarget,
  deps: FlowServerDeps,
): LiveFlow | undefined {
  const { sourceAddress, country } = flow.peer
  const { transport } = flow
  const standing = deps.standing(device, user)
  const facts = gatherFacts({ standing, sourceAddress, country, target, transport })
  const id = newFlowId()
  const record = openFlowRecord(deps.records, { id, facts, ...flow.claims })
  const live = createLiveFlow(flow, record, facts, deps)
  const entered = deps.table.open({
    id,
    deviceId: device.id,
    userId: user.id,
    facts,
    openedAtMs: deps.now(),
    cut: live.cut,
  })
  if (entered.ok) return live
  live.refuse(entered.error.reason)
  return undefined
}

function readTarget({
  authority,
  transport,
}: Pick<IncomingFlow, 'authority' | 'transport'>): FlowTarget | undefined {
  if (transport === 'icmp') {
    const host = parseHost(authority)
    return host.ok ? { host: formatHost(host.value), port: 0 } : undefined
  }
  const endpoint = parseEndpoint(authority)
  if (!endpoint.ok) return undefined
  return { host: formatHost(endpoint.value.host), port: endpoint.value.port }
}

/** What is no destination still has a record, which says what was asked for. */
function badTarget(authority: string): FlowTarget {
  return { host: authority.slice(0, BAD_TEXT_LIMIT), port: 0 }
}
