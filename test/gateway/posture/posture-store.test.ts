import test from 'ava'
import type { PostureCheck } from '../../../gateway/policy/posture-check.ts'
import { openPosture } from '../../../gateway/posture/posture-store.ts'
import { openMemoryStore } from '../../../gateway/store/memory-store.ts'
import type { PostureObservation } from '../../../lib/wire/posture-message.ts'

const AGENT: PostureCheck = {
  ...{ name: 'agent', kind: 'file', path: '/etc/agent', state: 'present', sha256: [] },
  ...{ everyMs: 1000, maxAgeMs: 60_000 },
}
const FIREWALL: PostureCheck = {
  ...{ name: 'firewall', kind: 'firewall', everyMs: 1000, maxAgeMs: 60_000 },
}
const agent = (exists: boolean, observedAgoMs = 0): PostureObservation => ({
  ...{ name: 'agent', kind: 'file', lookAt: ['/etc/agent'], observedAgoMs },
  found: { kind: 'file', exists },
})
const firewall = (enabled: boolean): PostureObservation => ({
  ...{ name: 'firewall', kind: 'firewall', lookAt: [], observedAgoMs: 0 },
  found: { kind: 'firewall', enabled },
})

function open(first: readonly PostureCheck[] = [AGENT, FIREWALL]) {
  const changed: string[] = []
  const clock = { nowMs: 1_000_000, checks: first }
  const posture = openPosture({
    store: openMemoryStore(),
    checks: () => clock.checks,
    onChange: (deviceId) => changed.push(deviceId),
    now: () => clock.nowMs,
  })
  return { posture, changed, clock }
}

test('D10: a report becomes facts, results and a change', (t) => {
  const { posture, changed, clock } = open()
  const results = posture.report('d', [agent(true, 500)])
  t.like(results, [
    { name: 'agent', passed: true, validForMs: 59_500 },
    { name: 'firewall', passed: false, validForMs: 0 },
  ])
  t.deepEqual(posture.facts('d'), {
    posture: { agent: { passed: true, validUntilMs: clock.nowMs + 59_500 } },
  })
  t.deepEqual(changed, ['d'])
})

test('D10: the same again changes nothing but the time', (t) => {
  const { posture, changed, clock } = open()
  posture.report('d', [agent(true)])
  clock.nowMs += 1000
  posture.report('d', [agent(true)])
  t.deepEqual(changed, ['d'])
  t.is(posture.facts('d').posture?.['agent']?.validUntilMs, clock.nowMs + 60_000)
})

test('D10: what fails, and what passes again, is told', (t) => {
  const { posture, changed } = open()
  posture.report('d', [agent(true)])
  posture.report('d', [agent(false)])
  t.false(posture.facts('d').posture?.['agent']?.passed)
  posture.report('d', [agent(true)])
  t.is(changed.length, 3)
})

test('D10: a report about some checks leaves the others as they were', (t) => {
  const { posture } = open()
  posture.report('d', [agent(true), firewall(true)])
  posture.report('d', [firewall(false)])
  t.deepEqual(
    posture.of('d').map(({ passed }) => passed),
    [true, false],
  )
})

test('D10 T95: without new reports a check has failed when its time is over', (t) => {
  const { posture, clock } = open()
  posture.report('d', [agent(true)])
  clock.nowMs += 60_000
  t.false(posture.facts('d').posture?.['agent']?.passed)
})

test('D10: an older observation does not replace a newer one', (t) => {
  const { posture } = open()
  posture.report('d', [agent(false)])
  posture.report('d', [agent(true, 10)])
  t.false(posture.facts('d').posture?.['agent']?.passed)
})

test('D10: one device says nothing of another', (t) => {
  const { posture } = open()
  posture.report('d', [agent(true)])
  t.deepEqual(posture.facts('e'), { posture: {} })
})

test('D10 T95: a check that is written anew has failed until the device looked there', (t) => {
  const { posture, clock } = open()
  posture.report('d', [agent(true)])
  clock.checks = [{ ...AGENT, path: '/etc/other' } as PostureCheck]
  t.deepEqual(posture.facts('d'), { posture: {} })
})

test('D10: what nobody asked for is not kept, and without checks there are no facts', (t) => {
  const { posture, clock } = open([AGENT])
  posture.report('d', [firewall(true)])
  clock.checks = [AGENT, FIREWALL]
  t.deepEqual(posture.facts('d'), { posture: {} })
  clock.checks = []
  t.deepEqual(posture.facts('d'), {})
})
