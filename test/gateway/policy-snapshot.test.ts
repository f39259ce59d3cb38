import test from 'ava'
import { createPolicySnapshot } from '../../gateway/policy-snapshot.ts'

test('a replacement is whole, and listeners hear of it once', (t) => {
  const holder = createPolicySnapshot({ revision: 1, policy: 'old' })
  const before = holder.current
  const heard: number[] = []
  const stop = holder.onChange((next) => heard.push(next.revision))
  holder.replace({ revision: 2, policy: 'new' })
  stop()
  holder.replace({ revision: 3, policy: 'newer' })
  t.deepEqual(before, { revision: 1, policy: 'old' })
  t.deepEqual(heard, [2])
  t.is(holder.current.policy, 'newer')
  t.true(Object.isFrozen(holder.current))
})
