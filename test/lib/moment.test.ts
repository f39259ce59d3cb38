import test from 'ava'
import { elapsedMs } from '#lib/moment'

test('D8 D10: neither sleep nor a clock that is set makes anything younger', (t) => {
  const before = { wallMs: 1000, steadyMs: 1000 }
  t.is(elapsedMs(before, { wallMs: 9000, steadyMs: 1010 }), 8000)
  t.is(elapsedMs(before, { wallMs: 0, steadyMs: 1500 }), 500)
  t.is(elapsedMs(before, { wallMs: 0, steadyMs: 1000 }), 0)
})
