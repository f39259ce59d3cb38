/**
 * When the tunnel connects, waits, and what state it is in. Pure: time and chance come in with the events,
 * what has to be done goes out as effects; ./tunnel-client.ts carries them out.
 *
 *             start            opened         network_changed, another one lost in silence
 *   stopped ─────────► dialling ─────► open ─────────────────► probing     one such slot for each connection
 *                        ▲  │ failed   │ ▲        answered        │        that is kept warm
 *                  tick  │  ▼          │ └────────────────────────┤
 *                       waiting ◄──────┴──────────────────────────┘
 *             (jittered, doubling)  lost
 *
 * A change of the network also begins anew what is dialling or waiting.
 */
import { backOffMs } from './back-off.ts'
import type { TunnelStateName } from './tunnel.ts'

/** One connection that is to be kept warm. `failures` counts in a row. `network`: the change that it began after. */
type Slot =
  | { readonly phase: 'dialling'; readonly failures: number; readonly network: number }
  | { readonly phase: 'waiting'; readonly failures: number; readonly retryAtMs: number }
  | { readonly phase: 'open'; readonly openedAtMs: number }
  /** Open, but whether anything still passes is being asked. */
  | { readonly phase: 'probing'; readonly openedAtMs: number; readonly network: number }

/** The tunnel's connections, without the connections. */
export type TunnelState = {
  readonly isRunning: boolean
  readonly slots: readonly Slot[]
  /** Changes of the network that were heard of. */
  readonly network: number
  /** Why the newest attempt or connection ended, or what made all of them doubtful. */
  readonly reason?: string
  /** No connection stands, and one may be back in a moment: until then flows wait for it. */
  readonly settlesUntilMs?: number
  /** Until then attempts are frequent: what went away a moment ago may be back in a moment. */
  readonly eagerUntilMs?: number
}

/** `random` is in [0, 1). Times are of a clock that only goes forward. */
export type TunnelEvent =
  | { readonly type: 'start'; readonly connections: number }
  | { readonly type: 'stop' }
  | { readonly type: 'opened'; readonly slot: number; readonly nowMs: number }
  | Ended<'failed'>
  /** An open connection went away, or takes no more flows, or did not answer. */
  | Ended<'lost'>
  /** After a sleep or in another network: what stood may stand no more, what did not may. */
  | { readonly type: 'network_changed'; readonly nowMs: number }
  | { readonly type: 'answered'; readonly slot: number }
  | { readonly type: 'tick'; readonly nowMs: number }

type Ended<T extends string> = {
  readonly type: T
  readonly slot: number
  readonly reason: string
  readonly nowMs: number
  readonly random: number
}

/** Slots to dial for and slots to probe now, whatever was begun for them before; when to send the next `tick`. */
export type TunnelEffects = {
  readonly dial: readonly number[]
  readonly probe: readonly number[]
  readonly tickAtMs?: number
}

/** How long attempts stay frequent. */
const EAGER_MS = 60_000
/** How long new flows wait for a connection instead of being refused: as long as a gateway takes to drain and start. */
const SETTLE_MS = 10_000
/** A connection that lived for less was no success: its loss counts as a failure in a row. */
const LONG_ENOUGH_MS = 10_000

export const STOPPED: TunnelState = { isRunning: false, slots: [], network: 0 }

/** The next state, and what to do. An event for a slot that is in no fitting phase changes nothing. */
export function next(
  state: TunnelState,
  event: TunnelEvent,
): { readonly state: TunnelState; readonly effects: TunnelEffects } {
  const after = apply(state, event)
  const begun = (phase: 'dialling' | 'probing') =>
    after.slots.flatMap((slot, index) => {
      if (slot.phase !== phase) return []
      const before = state.slots[index]
      return before?.phase !== phase || before.network !== slot.network ? [index] : []
    })
  const times = [
    ...after.slots.flatMap((slot) => (slot.phase === 'waiting' ? [slot.retryAtMs] : [])),
    ...(after.settlesUntilMs === undefined ? [] : [after.settlesUntilMs]),
  ]
  const effects = { dial: begun('dialling'), probe: begun('probing') }
  return {
    state: after,
    effects: times.length === 0 ? effects : { ...effects, tickAtMs: Math.min(...times) },
  }
}

/** Reasons that waiting does not mend, and the state that they mean. */
const DECISIVE: Readonly<Record<string, TunnelStateName>> = {
  device_revoked: 'revoked',
  device_unknown: 'revoked',
  device_expired: 'certificate_expired',
}

/** What `zt status` calls this state. */
export function stateNameOf({
  isRunning,
  slots,
  reason,
  settlesUntilMs,
}: TunnelState): TunnelStateName {
  if (!isRunning) return 'down'
  if (slots.some((slot) => slot.phase === 'open')) return 'connected'
  if (reason === undefined) return 'connecting'
  return DECISIVE[reason] ?? (settlesUntilMs === undefined ? 'unreachable' : 'connecting')
}

function apply(state: TunnelState, event: TunnelEvent): TunnelState {
  switch (event.type) {
    case 'start':
      return state.isRunning ? state : started(event.connections)
    case 'stop':
      return STOPPED
    case 'tick':
      return ticked(state, event.nowMs)
    case 'opened':
      return opened(state, event)
    case 'failed':
    case 'lost':
      return ended(state, event)
    case 'network_changed':
      return state.isRunning ? doubted(state, event.nowMs) : state
    case 'answered':
      return answered(state, event.slot)
  }
}

function started(connections: number): TunnelState {
  const slots = Array.from(
    { length: connections },
    () => ({ phase: 'dialling', failures: 0, network: 0 }) as const,
  )
  return { isRunning: true, slots, network: 0 }
}

function ticked({ settlesUntilMs, ...state }: TunnelState, nowMs: number): TunnelState {
  const dialling = { phase: 'dialling', network: state.network } as const
  const slots = state.slots.map((slot) => {
    const isDue = slot.phase === 'waiting' && slot.retryAtMs <= nowMs
    return isDue ? { ...dialling, failures: slot.failures } : slot
  })
  const settles = settlesUntilMs !== undefined && settlesUntilMs > nowMs
  return { ...state, slots, ...(settles && { settlesUntilMs }) }
}

function opened(state: TunnelState, event: Extract<TunnelEvent, { type: 'opened' }>): TunnelState {
  if (state.slots[event.slot]?.phase !== 'dialling') return state
  const slot = { phase: 'open', openedAtMs: event.nowMs } as const
  return { ...settled(state), slots: withSlot(state, event.slot, slot).map(hopeful(state)) }
}

/** Where one connection comes up, those that wait may, too. */
function hopeful({ network }: TunnelState): (slot: Slot) => Slot {
  return (slot) =>
    slot.phase === 'waiting' ? { phase: 'dialling', failures: slot.failures, network } : slot
}

/** The state once a connection carries flows. */
function settled(state: TunnelState): TunnelState {
  const { reason: _, settlesUntilMs: __, eagerUntilMs: ___, ...rest } = state
  return rest
}

function ended(state: TunnelState, event: Ended<'failed' | 'lost'>): TunnelState {
  const slot = state.slots[event.slot]
  if (slot === undefined || (slot.phase === 'dialling') !== (event.type === 'failed')) return state
  if (slot.phase === 'waiting') return state
  // Hope that one loss gave is not prolonged by the next one.
  const hope = event.type === 'lost' ? { ...hopeFrom(event.nowMs), ...hopeOf(state) } : {}
  const base = { ...state, ...hope, reason: event.reason }
  const failures = failuresAfter(slot, event.nowMs)
  if (slot.phase === 'probing' && event.reason === SILENT) {
    // The gateway did nothing that would make others come back at the same time.
    const dialling = { phase: 'dialling', failures, network: state.network } as const
    return { ...base, slots: withSlot(state, event.slot, dialling) }
  }
  const isEager = event.nowMs < (base.eagerUntilMs ?? Number.NEGATIVE_INFINITY)
  const retryAtMs = event.nowMs + backOffMs(failures, isEager, event.random)
  const slots = withSlot(state, event.slot, { phase: 'waiting', failures, retryAtMs })
  return { ...base, slots: event.reason === SILENT ? slots.map(doubtful(state)) : slots }
}

/** Where one connection fell silent, the others may have. */
const SILENT = 'ping_timeout'

function doubtful({ network }: TunnelState): (slot: Slot) => Slot {
  return (slot) =>
    slot.phase === 'open' ? { phase: 'probing', openedAtMs: slot.openedAtMs, network } : slot
}

function hopeFrom(nowMs: number) {
  return { settlesUntilMs: nowMs + SETTLE_MS, eagerUntilMs: nowMs + EAGER_MS }
}

function hopeOf({ settlesUntilMs }: TunnelState) {
  return settlesUntilMs === undefined ? {} : { settlesUntilMs }
}

function doubted(state: TunnelState, nowMs: number): TunnelState {
  const network = state.network + 1
  const slots = state.slots.map((slot): Slot => {
    const isOpen = slot.phase === 'open' || slot.phase === 'probing'
    return isOpen
      ? { ...slot, phase: 'probing', network }
      : { phase: 'dialling', failures: 0, network }
  })
  const { reason = '' } = state
  const kept = reason in DECISIVE ? reason : 'network_changed'
  return { ...state, ...hopeFrom(nowMs), slots, network, reason: kept }
}

function answered(state: TunnelState, index: number): TunnelState {
  const slot = state.slots[index]
  if (slot?.phase !== 'probing') return state
  const { openedAtMs } = slot
  return { ...settled(state), slots: withSlot(state, index, { phase: 'open', openedAtMs }) }
}

function failuresAfter(slot: Exclude<Slot, { phase: 'waiting' }>, nowMs: number): number {
  if (slot.phase === 'dialling') return slot.failures + 1
  return nowMs - slot.openedAtMs < LONG_ENOUGH_MS ? 1 : 0
}

function withSlot(state: TunnelState, index: number, slot: Slot): readonly Slot[] {
  return state.slots.map((old, at) => (at === index ? slot : old))
}
