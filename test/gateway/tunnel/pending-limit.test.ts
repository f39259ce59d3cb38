import test from 'ava'
import { createPendingLimit } from '../../../gateway/tunnel/pending-limit.ts'

test('T122: one source cannot keep out the others, and all together are bounded', (t) => {
  const limit = createPendingLimit({ total: 3, perSource: 2 })
  t.truthy(limit.enter('10.0.0.1'))
  t.truthy(limit.enter('::ffff:10.0.0.1'))
  t.is(limit.enter('10.0.0.1'), undefined)
  t.truthy(limit.enter('10.0.0.2'))
  t.is(limit.enter('10.0.0.3'), undefined)
})

test('T122: an IPv6 host counts by its /64', (t) => {
  const limit = createPendingLimit({ total: 9, perSource: 1 })
  t.truthy(limit.enter('2001:db8::1'))
  t.is(limit.enter('2001:db8::2'), undefined)
  t.truthy(limit.enter('2001:db8:0:1::1'))
})

test('T122: a place is given back once, however often it is left', (t) => {
  const limit = createPendingLimit({ total: 2, perSource: 2 })
  const leave = limit.enter('10.0.0.1')
  limit.enter('10.0.0.1')
  leave?.()
  leave?.()
  t.truthy(limit.enter('10.0.0.1'))
  t.is(limit.enter('10.0.0.1'), undefined)
})
