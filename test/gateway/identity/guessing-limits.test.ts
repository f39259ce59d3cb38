import test from 'ava'
import fc from 'fast-check'
import { waitMs } from '../../../gateway/identity/back-off.ts'
import { openTurns } from '../../../gateway/identity/turns.ts'
import { deferred } from '../../support/deferred.ts'

const LIMIT = { free: 3, firstMs: 1000, longestMs: 60_000 }

const waits: readonly (readonly [failures: number, agoMs: number, waitMs: number])[] = [
  [0, 0, 0],
  [2, 0, 0],
  [3, 0, 1000],
  [3, 999, 1],
  [3, 1000, 0],
  [4, 0, 2000],
  [8, 0, 32_000],
  [9, 0, 60_000],
  [5000, 0, 60_000],
]
for (const [failures, agoMs, wanted] of waits) {
  test(`T29: ${failures} failures, the last ${agoMs} ms ago: wait ${wanted} ms`, (t) => {
    t.is(waitMs(LIMIT, { failures, lastAtMs: 5000 - agoMs }, 5000), wanted)
  })
}

test('T29: more failures never wait less, and no wait is longer than the longest', (t) => {
  const past = fc.record({ failures: fc.nat(), lastAtMs: fc.nat() })
  t.notThrows(() =>
    fc.assert(
      fc.property(past, fc.nat(), (one, laterMs) => {
        const nowMs = one.lastAtMs + laterMs
        const wait = waitMs(LIMIT, one, nowMs)
        const next = waitMs(LIMIT, { ...one, failures: one.failures + 1 }, nowMs)
        return wait <= next && next <= LIMIT.longestMs && wait >= 0
      }),
    ),
  )
})

test('work waits for its turn, in order, and above the limit is not taken', async (t) => {
  const turn = openTurns({ atOnce: 1, waiting: 2 })
  const first = deferred<string>()
  const began: number[] = []
  const work = (n: number) => async () => {
    began.push(n)
    return n
  }
  const running = turn(() => first.promise)
  const waiting = [turn(work(1)), turn(work(2))]
  t.is(await turn(work(3)), undefined)
  t.deepEqual(began, [])
  first.resolve('done')
  t.is(await running, 'done')
  t.deepEqual(await Promise.all(waiting), [1, 2])
  t.deepEqual(began, [1, 2])
})

test('work that fails gives its turn on', async (t) => {
  const turn = openTurns({ atOnce: 1, waiting: 1 })
  const failing = turn(() => Promise.reject(new Error('no')))
  const next = turn(async () => 'next')
  await t.throwsAsync(failing, { message: 'no' })
  t.is(await next, 'next')
  t.is(await turn(async () => 'later'), 'later')
})
