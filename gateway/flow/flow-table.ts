/**
 * Every live flow of this gateway, so that an event can find and cut the flows it touches.
 * A flow enters before it is decided: a change that happens in between still finds it. Owns no socket: cutting is a callback.
 */
import { err, ok, type Result } from '#lib/result'
import type { Decision } from '../policy/decision.ts'
import type { Facts } from '../policy/facts.ts'

/** A flow in the table. */
export type LiveFlow = {
  /** Random; names the flow record. */
  readonly id: string
  readonly deviceId: string
  readonly userId: string
  readonly facts: Facts
  /** The latest one; absent until the first. */
  readonly decision?: Decision
  readonly openedAtMs: number
  /** Present while the flow waits for a person: told of every new decision, in place of a cut. */
  readonly held?: (decision: Decision, facts: Facts) => void
}

/** What an enforcer hands in: the flow, and how to end it. */
export type OpenFlow = LiveFlow & {
  /** Ends the flow both ways at once. Called at most once, after the flow has left the table. */
  readonly cut: (reason: string) => void
}

/** Most live flows; a flow above either is refused. */
export type FlowLimits = {
  readonly perDevice: number
  readonly total: number
  /** Of ping; each has a socket of its own. */
  readonly pingsPerDevice: number
}

/** Enough for a browser with many tabs beside a port scan; the total bounds memory (about 5 KiB a flow). */
export const DEFAULT_FLOW_LIMITS: FlowLimits = {
  perDevice: 4096,
  total: 200_000,
  pingsPerDevice: 64,
}

/** What changes about a live flow. */
export type FlowChange = Partial<Pick<LiveFlow, 'decision' | 'facts' | 'held'>>

export interface FlowTable {
  /** Takes a flow in, or refuses it. @throws {Error} when the id is in the table already: a bug. */
  open(flow: OpenFlow): Result<void, { readonly reason: 'too_many_flows' }>
  /** Notes a decision. @returns false when the flow is gone (it was cut meanwhile): do not dial. */
  update(id: string, change: FlowChange): boolean
  /** Forgets a flow that ended by itself. Idempotent. */
  close(id: string): void
  /** Ends one flow. @returns whether it was there. */
  cut(id: string, reason: string): boolean
  /** Ends every flow that matches. @returns how many. */
  cutWhere(matches: (flow: LiveFlow) => boolean, reason: string): number
  /** Ends every flow of one device; costs only that device's flows. @returns how many. */
  cutDevice(deviceId: string, reason: string): number
  /** Lets a held flow go on, or end, by itself. */
  release(id: string): void
  get(id: string): LiveFlow | undefined
  /** Live flows of one device; costs only that device's flows. */
  ofDevice(deviceId: string): readonly LiveFlow[]
  /** Live flows now, a copy. */
  list(): readonly LiveFlow[]
  countOf(deviceId: string): number
  readonly count: number
}

function isPing({ facts }: LiveFlow): boolean {
  return facts.destination.transport === 'icmp'
}

/** Makes an empty table. */
export function createFlowTable(limits: FlowLimits = DEFAULT_FLOW_LIMITS): FlowTable {
  const flows = new Map<string, OpenFlow>()
  const byDevice = new Map<string, Set<string>>()

  function remove(flow: OpenFlow): void {
    flows.delete(flow.id)
    const ids = byDevice.get(flow.deviceId)
    ids?.delete(flow.id)
    if (ids?.size === 0) byDevice.delete(flow.deviceId)
  }

  function cutAll(doomed: readonly OpenFlow[], reason: string): number {
    // All leave the table first: a callback that looks must not find a flow that is being cut.
    for (const flow of doomed) remove(flow)
    for (const flow of doomed) flow.cut(reason)
    return doomed.length
  }

  const ofDevice = (deviceId: string): OpenFlow[] =>
    [...(byDevice.get(deviceId) ?? [])]
      .map((id) => flows.get(id))
      .filter((flow) => flow !== undefined)

  const pingsOf = (deviceId: string): number => ofDevice(deviceId).filter(isPing).length

  const countOf = (deviceId: string): number => byDevice.get(deviceId)?.size ?? 0

  return {
    open(flow) {
      if (flows.has(flow.id)) throw new Error(`flow ${flow.id} is in the table already`)
      const isFull = flows.size >= limits.total || countOf(flow.deviceId) >= limits.perDevice
      if (isFull || (isPing(flow) && pingsOf(flow.deviceId) >= limits.pingsPerDevice)) {
        return err({ reason: 'too_many_flows' })
      }
      flows.set(flow.id, flow)
      const ids = byDevice.get(flow.deviceId)
      if (ids === undefined) byDevice.set(flow.deviceId, new Set([flow.id]))
      else ids.add(flow.id)
      return ok(undefined)
    },
    update(id, change) {
      const flow = flows.get(id)
      if (flow === undefined) return false
      flows.set(id, { ...flow, ...change })
      return true
    },
    close(id) {
      const flow = flows.get(id)
      if (flow !== undefined) remove(flow)
    },
    cut(id, reason) {
      const flow = flows.get(id)
      return flow !== undefined && cutAll([flow], reason) === 1
    },
    cutWhere: (matches, reason) => cutAll([...flows.values()].filter(matches), reason),
    cutDevice(deviceId, reason) {
      return cutAll(ofDevice(deviceId), reason)
    },
    release(id) {
      const { held: _, ...flow } = flows.get(id) ?? {}
      if ('id' in flow) flows.set(id, flow)
    },
    ofDevice,
    get: (id) => flows.get(id),
    list: () => [...flows.values()],
    countOf,
    get count() {
      return flows.size
    },
  }
}
