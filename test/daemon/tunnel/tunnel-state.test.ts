import test from 'ava'
import fc from 'fast-check'
import type { TunnelStateName } from '../../../daemon/tunnel/tunnel.ts'
import {
  next,
  STOPPED,
  stateNameOf,
  type TunnelEvent,
  type TunnelState,
} from '../../../daemon/tunnel/tunnel-state.ts'

const start = { type: 'start', connections: 2 } as const
const opened = (slot: number, nowMs = 0) => ({ type: 'opened', slot, nowMs }) as const
const failed = (slot: number, nowMs = 0, reason = 'connection_refused', random = 0.5) =>
  ({ type: 'failed', slot, reason, nowMs, random }) as const
const lost = (slot: number, nowMs = 0, reason = 'ping_timeout') =>
  ({ type: 'lost', slot, reason, nowMs, random: 0.5 }) as const

function after(...events: TunnelEvent[]): TunnelState {
  return events.reduce((state, event) => next(state, event).state, STOPPED)
}

const names: Record<string, readonly [readonly TunnelEvent[], TunnelStateName]> = {
  'is down at first': [[], 'down'],
  'connects once started': [[start], 'connecting'],
  'is connected with one connection of two': [[start, opened(1), failed(0)], 'connected'],
  'is unreachable once an attempt failed': [[start, failed(0)], 'unreachable'],
  'is unreachable when the last connection is lost': [[start, opened(0), lost(0)], 'unreachable'],
  'is revoked when the gateway says so': [[start, failed(0, 0, 'device_revoked')], 'revoked'],
  'knows an expired certificate': [[start, failed(0, 0, 'device_expired')], 'certificate_expired'],
  'is down after a stop': [[start, opened(0), { type: 'stop' }], 'down'],
  'ignores a connection that opens after a stop': [[start, { type: 'stop' }, opened(0)], 'down'],
  'ignores the loss of a connection that never opened': [[start, lost(0)], 'connecting'],
}
for (const [title, [events, wanted]] of Object.entries(names)) {
  test(`tunnel state: ${title}`, (t) => t.is(stateNameOf(after(...events)), wanted))
}

test('tunnel state: dials every slot at the start, and no slot twice', (t) => {
  const begun = next(STOPPED, start)
  t.deepEqual(begun.effects, { dial: [0, 1] })
  t.deepEqual(next(begun.state, start).effects, { dial: [] })
})

test('tunnel state: waits double with each failure, up to 30 s', (t) => {
  const waits: number[] = []
  let state = after(start)
  for (let round = 0; round < 9; round++) {
    const waiting = next(state, failed(0))
    waits.push(waiting.effects.tickAtMs ?? 0)
    state = next(waiting.state, { type: 'tick', nowMs: 1e9 }).state
  }
  t.deepEqual(waits, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000])
})

test('tunnel state: a tick that comes early wakes nobody, one in time dials', (t) => {
  const state = after(start, failed(0, 1000))
  t.deepEqual(next(state, { type: 'tick', nowMs: 1499 }).effects, { dial: [], tickAtMs: 1500 })
  t.deepEqual(next(state, { type: 'tick', nowMs: 1500 }).effects, { dial: [0] })
})

test('tunnel state: a connection that lived is replaced at once, one that did not is backed off', (t) => {
  const lived = next(after(start, opened(0, 0)), lost(0, 20_000)).effects.tickAtMs
  const flapped = next(after(start, opened(0, 0)), lost(0, 100)).effects.tickAtMs
  t.is(lived, 20_250)
  t.is(flapped, 600)
})

const event: fc.Arbitrary<TunnelEvent> = fc.oneof(
  fc.constant(start),
  fc.constant({ type: 'stop' } as const),
  fc.record({ type: fc.constant('opened' as const), slot: fc.nat(3), nowMs: fc.nat() }),
  fc.record({ type: fc.constant('tick' as const), nowMs: fc.nat() }),
  fc.record({
    type: fc.constantFrom('failed' as const, 'lost' as const),
    slot: fc.nat(3),
    reason: fc.constant('x'),
    nowMs: fc.nat(),
    random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  }),
)
test('tunnel state: whatever happens, every waiting slot has a tick to come, none later than its time', (t) => {
  const holds = fc.property(fc.array(event), (events) => {
    let state = STOPPED
    for (const one of events) {
      const step = next(state, one)
      state = step.state
      const waits = state.slots.filter(({ phase }) => phase === 'waiting').length
      if (waits > 0 !== (step.effects.tickAtMs !== undefined)) return false
      const slot = 'slot' in one ? state.slots[one.slot] : undefined
      const isLate = slot?.phase === 'waiting' && slot.retryAtMs < (step.effects.tickAtMs ?? 0)
      if (isLate) return false
    }
    return state.isRunning || state.slots.length === 0
  })
  t.notThrows(() => fc.assert(holds, { numRuns: 200 }))
})
