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

const changed = (nowMs = 0) => ({ type: 'network_changed', nowMs }) as const
const answered = (slot: number) => ({ type: 'answered', slot }) as const
const tick = (nowMs: number) => ({ type: 'tick', nowMs }) as const
const idle = { dial: [], probe: [] }

const names: Record<string, readonly [readonly TunnelEvent[], TunnelStateName]> = {
  'is down at first': [[], 'down'],
  'connects once started': [[start], 'connecting'],
  'is connected with one connection of two': [[start, opened(1), failed(0)], 'connected'],
  'is unreachable once an attempt failed': [[start, failed(0)], 'unreachable'],
  'is connecting when the last connection is lost': [[start, opened(0), lost(0)], 'connecting'],
  'is connecting while the first attempts after a loss fail': [
    [start, opened(0), lost(0), tick(9999), failed(0, 9999)],
    'connecting',
  ],
  'is unreachable 10 s after the last connection was lost': [
    [start, opened(0), lost(0), tick(10_000)],
    'unreachable',
  ],
  'is not given more time by a second loss': [
    [start, opened(0), opened(1), lost(0, 0, 'x'), lost(1, 9000, 'x'), tick(10_000)],
    'unreachable',
  ],
  'is not sure of a connection when the network changed': [
    [start, opened(0), changed()],
    'connecting',
  ],
  'is sure again of a connection that answered': [
    [start, opened(0), changed(), answered(0)],
    'connected',
  ],
  'has hope when the network changed': [[start, failed(0), failed(1), changed()], 'connecting'],
  'is unreachable 10 s after a change that did not help': [
    [start, failed(0), changed(), failed(0), failed(1), tick(10_000)],
    'unreachable',
  ],
  'is not sure of a connection when another one fell silent': [
    [start, opened(0), opened(1), lost(0)],
    'connecting',
  ],
  'is sure of a connection when the gateway drained another one': [
    [start, opened(0), opened(1), lost(0, 0, 'gateway_draining')],
    'connected',
  ],
  'is revoked in any network': [[start, failed(0, 0, 'device_revoked'), changed()], 'revoked'],
  'is down in any network': [[changed()], 'down'],
  'ignores the answer of a connection that was lost': [
    [start, opened(0), changed(), lost(0), failed(0), answered(0), tick(10_000)],
    'unreachable',
  ],
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
  t.deepEqual(begun.effects, { dial: [0, 1], probe: [] })
  t.deepEqual(next(begun.state, start).effects, idle)
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
  t.deepEqual(next(state, { type: 'tick', nowMs: 1499 }).effects, { ...idle, tickAtMs: 1500 })
  t.deepEqual(next(state, { type: 'tick', nowMs: 1500 }).effects, { dial: [0], probe: [] })
})

test('tunnel state: a connection that lived is replaced at once, one that did not is backed off', (t) => {
  const lived = next(after(start, opened(0, 0)), lost(0, 20_000)).effects.tickAtMs
  const flapped = next(after(start, opened(0, 0)), lost(0, 100)).effects.tickAtMs
  t.is(lived, 20_250)
  t.is(flapped, 600)
})

test('D8 T107 tunnel state: a change of the network begins everything anew, and asks what stands', (t) => {
  const slots = after({ type: 'start', connections: 3 }, opened(0), failed(1, 0), changed(7)).slots
  t.deepEqual(
    slots.map(({ phase }) => phase),
    ['probing', 'dialling', 'dialling'],
  )
  const before = after({ type: 'start', connections: 3 }, opened(0), failed(1, 0))
  const first = next(before, changed(7))
  t.deepEqual(first.effects, { dial: [1, 2], probe: [0], tickAtMs: 10_007 })
  const second = next(first.state, changed(8))
  t.deepEqual(second.effects, { dial: [1, 2], probe: [0], tickAtMs: 10_008 })
  t.deepEqual(next(second.state, answered(0)).effects, idle)
})

test('D8 T107 tunnel state: what did not answer after a change is replaced at once', (t) => {
  const probing = after({ type: 'start', connections: 1 }, opened(0), changed(20_000))
  t.deepEqual(next(probing, lost(0, 21_000)).effects.dial, [0])
})

test('D8 tunnel state: after a loss attempts stay frequent for a minute, then they do not', (t) => {
  let state = after(start, opened(0, 0), lost(0, 20_000))
  let nowMs = 20_000
  const waits: number[] = []
  for (let round = 0; round < 60; round++) {
    const dialling = next(state, tick(1e9)).state
    const { state: waiting, effects } = next(dialling, failed(0, nowMs))
    state = waiting
    waits.push((effects.tickAtMs ?? 0) - nowMs)
    nowMs = effects.tickAtMs ?? nowMs
  }
  const late = waits.findIndex((wait) => wait > 1500)
  t.deepEqual(waits.slice(0, 3), [500, 1000, 1500])
  t.true(waits.slice(0, late).reduce((sum, wait) => sum + wait, 0) >= 58_500)
  t.is(waits.at(-1), 30_000)
})

test('D8 tunnel state: what comes up takes those along that wait', (t) => {
  const state = after(start, failed(0), failed(1), tick(500))
  const waiting = next(state, failed(1, 500)).state
  t.deepEqual(next(waiting, opened(0, 501)).effects.dial, [1])
})

const event: fc.Arbitrary<TunnelEvent> = fc.oneof(
  fc.record({ type: fc.constant('network_changed' as const), nowMs: fc.nat() }),
  fc.record({ type: fc.constant('answered' as const), slot: fc.nat(3) }),
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
      const settles = state.settlesUntilMs !== undefined
      if ((waits > 0 || settles) !== (step.effects.tickAtMs !== undefined)) return false
      const slot = 'slot' in one ? state.slots[one.slot] : undefined
      const isLate = slot?.phase === 'waiting' && slot.retryAtMs < (step.effects.tickAtMs ?? 0)
      if (isLate) return false
    }
    return state.isRunning || state.slots.length === 0
  })
  t.notThrows(() => fc.assert(holds, { numRuns: 200 }))
})
