/**
 * When the tunnel connects, waits, and what state it is in. Pure: time and chance come in with the events,
 * what has to be done goes out as effects; ./tunnel-client.ts carries them out.
 *
 *             start            opened
 *   stopped ─────────► dialling ─────► open        one such slot for each connection that is kept warm
 *                        ▲  │ failed     │ lost
 *                  tick  │  ▼            ▼
 *                       waiting (jittered, doubling)
 */
import type { TunnelStateName } from './tunnel.ts'

/** One connection that is to be kept warm. `failures` counts in a row. */
type Slot =
  | { readonly phase: 'dialling'; readonly failures: number }
  | { readonly phase: 'waiting'; readonly failures: number; readonly retryAtMs: number }
  | { readonly phase: 'open'; readonly openedAtMs: number }

/** The tunnel's connections, without the connections. */
export type TunnelState = {
  readonly isRunning: boolean
  readonly slots: readonly Slot[]
  /** Why the newest attempt or connection ended. */
  readonly reason?: string
}

/** `random` is in [0, 1). */
export type TunnelEvent =
  | { readonly type: 'start'; readonly connections: number }
  | { readonly type: 'stop' }
  | { readonly type: 'opened'; readonly slot: number; readonly nowMs: number }
  | Ended<'failed'>
  /** An open connection went away, or takes no more flows. */
  | Ended<'lost'>
  | { readonly type: 'tick'; readonly nowMs: number }

type Ended<T extends string> = {
  readonly type: T
  readonly slot: number
  readonly reason: string
  readonly nowMs: number
  readonly random: number
}

/** Slots to dial for now, and when to send the next `tick`. */
export type TunnelEffects = { readonly dial: readonly number[]; readonly tickAtMs?: number }

/** Longest wait between attempts, milliseconds; jitter comes on top. */
const LONGEST_WAIT_MS = 30_000
/** First wait after a failure; a connection that was lost after a while is replaced at once, within the jitter. */
const FIRST_WAIT_MS = 500
/** A connection that lived for less was no success: its loss counts as a failure in a row. */
const LONG_ENOUGH_MS = 10_000

export const STOPPED: TunnelState = { isRunning: false, slots: [] }

/** The next state, and what to do. An event for a slot that is in no fitting phase changes nothing. */
export function next(
  state: TunnelState,
  event: TunnelEvent,
): { readonly state: TunnelState; readonly effects: TunnelEffects } {
  const after = apply(state, event)
  const dial = after.slots.flatMap((slot, index) => {
    const isNew = slot.phase === 'dialling' && state.slots[index]?.phase !== 'dialling'
    return isNew ? [index] : []
  })
  const waits = after.slots.flatMap((slot) => (slot.phase === 'waiting' ? [slot.retryAtMs] : []))
  return {
    state: after,
    effects: waits.length === 0 ? { dial } : { dial, tickAtMs: Math.min(...waits) },
  }
}

/** What `zt status` calls this state. */
export function stateNameOf({ isRunning, slots, reason }: TunnelState): TunnelStateName {
  if (!isRunning) return 'down'
  if (slots.some((slot) => slot.phase === 'open')) return 'connected'
  if (reason === undefined) return 'connecting'
  if (reason === 'device_revoked' || reason === 'device_unknown') return 'revoked'
  return reason === 'device_expired' ? 'certificate_expired' : 'unreachable'
}

function apply(state: TunnelState, event: TunnelEvent): TunnelState {
  switch (event.type) {
    case 'start':
      return state.isRunning ? state : started(event.connections)
    case 'stop':
      return STOPPED
    case 'tick':
      return { ...state, slots: state.slots.map((slot) => woken(slot, event.nowMs)) }
    case 'opened':
      return opened(state, event)
    case 'failed':
    case 'lost':
      return ended(state, event)
  }
}

function started(connections: number): TunnelState {
  const slots = Array.from(
    { length: connections },
    () => ({ phase: 'dialling', failures: 0 }) as const,
  )
  return { isRunning: true, slots }
}

function woken(slot: Slot, nowMs: number): Slot {
  const isDue = slot.phase === 'waiting' && slot.retryAtMs <= nowMs
  return isDue ? { phase: 'dialling', failures: slot.failures } : slot
}

function opened(state: TunnelState, event: Extract<TunnelEvent, { type: 'opened' }>): TunnelState {
  if (state.slots[event.slot]?.phase !== 'dialling') return state
  const { reason: _reason, ...rest } = state
  return { ...rest, slots: withSlot(state, event.slot, { phase: 'open', openedAtMs: event.nowMs }) }
}

function ended(state: TunnelState, event: Ended<'failed' | 'lost'>): TunnelState {
  const slot = state.slots[event.slot]
  const fits = slot?.phase === (event.type === 'failed' ? 'dialling' : 'open')
  if (slot === undefined || !fits) return state
  const failures = failuresAfter(slot, event.nowMs)
  const retryAtMs = event.nowMs + waitMs(failures, event.random)
  const slots = withSlot(state, event.slot, { phase: 'waiting', failures, retryAtMs })
  return { ...state, slots, reason: event.reason }
}

function failuresAfter(slot: Slot, nowMs: number): number {
  if (slot.phase !== 'open') return slot.failures + 1
  return nowMs - slot.openedAtMs < LONG_ENOUGH_MS ? 1 : 0
}

/** Half to one and a half times the step, so that a thousand daemons do not come back as one. */
function waitMs(failures: number, random: number): number {
  const step = failures === 0 ? FIRST_WAIT_MS / 2 : FIRST_WAIT_MS * 2 ** Math.min(failures - 1, 10)
  return Math.min(step, LONGEST_WAIT_MS) * (0.5 + random)
}

function withSlot(state: TunnelState, index: number, slot: Slot): readonly Slot[] {
  return state.slots.map((old, at) => (at === index ? slot : old))
}
