import test from 'ava'
import { inTurns } from '../../gateway/in-turns-job.ts'
import type { RegisteredTarget } from '../../gateway/policy/document.ts'
import { atOnce, inSteps, type Steps } from '../../gateway/policy/in-steps.ts'
import { parsePolicy } from '../../gateway/policy/parse.ts'
import { createPolicyInForce } from '../../gateway/policy-in-force.ts'
import { openMemoryStore } from '../../gateway/store/memory-store.ts'
import { deferred } from '../support/deferred.ts'

/** A policy with one application of this name. */
function sourceOf(name: string) {
  const written = { applications: [{ name, destinations: ['db1.corp:22'] }] }
  const parsed = parsePolicy(written)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error))
  return { text: name, document: parsed.value }
}

/** A policy in force whose replacement takes as long as the test wants. */
function startSlowly() {
  const begun: ReturnType<typeof deferred<void>>[] = []
  const registered: RegisteredTarget[] = []
  const revisions: number[] = []
  const inForce = createPolicyInForce(sourceOf('first'), {
    revisions: openMemoryStore().revisions,
    own: () => ({ addresses: [], ports: [] }),
    registered: () => [...registered],
    onRevision: (revision) => void revisions.push(revision),
    async inTurns<T>(steps: Steps<T>) {
      const value = atOnce(steps)
      const turn = deferred<void>()
      begun.push(turn)
      await turn.promise
      return value
    },
    now: () => 1,
  })
  const now = () => {
    const { revision, policy } = inForce.snapshot.current
    return `${revision} ${policy.applicationList.map(({ name }) => name)}`
  }
  return { inForce, begun, registered, revisions, now }
}

test('the policy before decides until the next is compiled whole', async (t) => {
  const { inForce, begun, revisions, now } = startSlowly()
  const told: number[] = []
  inForce.snapshot.onChange(({ revision }) => told.push(revision))
  const replaced = inForce.replace(sourceOf('second'))
  t.is(now(), '1 first')
  t.deepEqual(revisions, [1, 2], 'audited before it is in force')
  begun[0]?.resolve()
  await replaced
  t.is(now(), '2 second')
  t.deepEqual(told, [2])
})

test('a target that is registered while the next policy is compiled counts in both', async (t) => {
  const { inForce, begun, registered, now } = startSlowly()
  const target = {
    ...{ label: 'db1', address: 'db1.corp', ports: [22], tags: {}, network: 'default' },
    ...{ hostKeys: [], hostAuthorities: [] },
  }
  const replaced = inForce.replace(sourceOf('second'))
  registered.push(target as unknown as RegisteredTarget)
  inForce.recompile()
  t.is(now(), '1 first', 'another revision is not in force by the way')
  t.is(inForce.snapshot.current.policy.registered.length, 1)
  begun[0]?.resolve()
  while (begun.length < 2) await new Promise<void>((resolve) => setImmediate(resolve))
  t.is(now(), '1 first')
  begun[1]?.resolve()
  await replaced
  t.is(now(), '2 second')
  t.is(inForce.snapshot.current.policy.registered.length, 1)
})

test('a policy that cannot be compiled leaves the one before in force', async (t) => {
  const { inForce, begun, now } = startSlowly()
  const replaced = inForce.replace(sourceOf('second'))
  begun[0]?.reject(new Error('out of memory'))
  await t.throwsAsync(replaced, { message: 'out of memory' })
  t.is(now(), '1 first')
  inForce.recompile()
  t.is(now(), '1 first')
})

test('long work lets others have their turn', async (t) => {
  let turns = 0
  const others = setInterval(() => turns++, 1)
  t.teardown(() => clearInterval(others))
  const spin = (ms: number) => {
    const untilMs = performance.now() + ms
    while (performance.now() < untilMs);
    return ms
  }
  const work = () =>
    inSteps(
      Array.from({ length: 20 }, () => 5),
      spin,
    )
  t.is((await inTurns(work())).length, 20)
  t.true(turns >= 4, `${turns} turns`)
  const before = turns
  atOnce(work())
  t.is(turns, before)
})
