import { once } from 'node:events'
import test from 'ava'
import { openLoop } from '../../scripts/benchmarks/open-loop.ts'

test('open loop: an arrival does not wait for the one before', async (t) => {
  const gate = new EventTarget()
  let arrived = 0
  const loop = await openLoop({ perSecond: 100, seconds: 0.1 }, async () => {
    const opened = once(gate, 'open')
    // A loop that waits for each would stand still at the first.
    if (++arrived === 10) gate.dispatchEvent(new Event('open'))
    await opened
    return true
  })
  t.is(loop.latenciesMs.length, 10)
  t.is(loop.failures, 0)
})

test('open loop: lateness counts from when an arrival was due', async (t) => {
  const stall = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60)
  const { latenciesMs } = await openLoop({ perSecond: 100, seconds: 0.02 }, async () => {
    stall()
    return true
  })
  // The second was due at 10 ms, when the first held the loop until 60 ms.
  t.true((latenciesMs[1] ?? 0) >= 100)
})

test('open loop: failures are counted and have no latency', async (t) => {
  let n = 0
  const loop = await openLoop({ perSecond: 200, seconds: 0.02 }, async () => n++ % 2 === 0)
  t.is(loop.latenciesMs.length, 2)
  t.is(loop.failures, 2)
})
