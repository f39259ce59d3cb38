import test from 'ava'
import fc from 'fast-check'
import type { FlowRecord } from '../../../gateway/flow/flow-record.ts'
import type { CompiledPolicy } from '../../../gateway/policy/compile.ts'
import { evaluate } from '../../../gateway/policy/evaluate.ts'
import type { Facts } from '../../../gateway/policy/facts.ts'
import { flowPages } from '../../../gateway/policy-test/flow-pages-job.ts'
import { createReplay } from '../../../gateway/policy-test/replay.ts'
import { openMemoryStore } from '../../../gateway/store/memory-store.ts'
import { factsOf, open, policyOf } from '../../support/policy-builder.ts'

const AT_MS = 1_800_000_000_000
const hr = [{ name: 'hr', decision: 'allow', include: [{ group: 'hr' }] }]
const before = policyOf({
  applications: [
    open('wiki', ['wiki.corp:443']),
    { name: 'pay', destinations: ['pay.corp:443'], policies: hr },
  ],
})

/** A record as the gateway writes it under `policy`. */
function recorded(id: string, facts: Facts, policy: CompiledPolicy = before): FlowRecord {
  const { kind, reason, application, revision, trace } = evaluate(policy, facts, AT_MS / 1000)
  const names = application === undefined ? {} : { application }
  const times = { openedAtMs: AT_MS, decidedAtMs: AT_MS }
  return { id, state: 'closed', ...times, facts, verdict: kind, reason, ...names, revision, trace }
}

const wiki = recorded('1', factsOf('wiki.corp:443'))
const pay = recorded('2', factsOf('pay.corp:443'))

test('A4: the policy that decided changes nothing', (t) => {
  const replay = createReplay(before)
  t.deepEqual([wiki, pay].map(replay.take), ['unchanged', 'unchanged'])
  t.like(replay.report(), { flows: 2, unchanged: 2, newlyAllowed: 0, newlyDenied: 0, groups: [] })
})

test('A4: newly allowed and newly denied are grouped by user, application and destination', (t) => {
  const replay = createReplay(policyOf({ applications: [open('pay', ['pay.corp:443'])] }))
  for (const record of [wiki, { ...wiki, id: '3' }, pay]) replay.take(record)
  const { groups, ...counts } = replay.report()
  t.like(counts, { flows: 3, newlyAllowed: 1, newlyDenied: 2, notComparable: 0 })
  t.like(groups, [
    {
      change: 'newly_denied',
      user: 'alice@example.com',
      application: 'wiki',
      destination: 'wiki.corp:443',
      was: 'allowed_by_policy',
      becomes: 'blocked_by_default',
      flows: 2,
    },
    { change: 'newly_allowed', application: 'pay', was: 'no_policy_matched', flows: 1 },
  ])
})

test('A4 G4: a record without a transport is TCP', (t) => {
  const { transport: _, ...destination } = wiki.facts.destination
  const old = { ...wiki, facts: { ...wiki.facts, destination } } as unknown as FlowRecord
  t.is(createReplay(before).take(old), 'unchanged')
})

test('A4 G4: UDP and TCP to one place are groups of their own', (t) => {
  const open2 = policyOf({ applications: [open('ns', ['ns.corp:53', 'ns.corp:53/udp'])] })
  const replay = createReplay(before)
  for (const transport of ['tcp', 'udp'] as const)
    replay.take(recorded(transport, factsOf('ns.corp:53', { transport }), open2))
  const to = replay.report().groups.map(({ destination }) => destination)
  t.deepEqual([...to].sort(), ['ns.corp:53', 'ns.corp:53/udp'])
})

test('A4: a flow is decided at the time it was recorded', (t) => {
  const facts = factsOf('wiki.corp:443', { login: { atMs: AT_MS - 60_000 } })
  const short = (length: string) =>
    createReplay(
      policyOf({ applications: [open('wiki', ['wiki.corp:443'], { session_length: length })] }),
    )
  t.is(short('1h').take(recorded('1', facts)), 'unchanged')
  t.is(short('30s').take(recorded('1', facts)), 'newly_denied')
})

test('A4: what stopped a permitted flow later is not its verdict', (t) => {
  const gone: FlowRecord = { ...wiki, verdict: 'denial', reason: 'target_unreachable' }
  t.is(createReplay(before).take(gone), 'unchanged')
  t.is(createReplay(policyOf({})).take(gone), 'newly_denied')
})

test('A4: facts that an older version did not store make a flow not comparable', (t) => {
  const posture = policyOf({
    posture_checks: [{ name: 'disk', kind: 'disk_encryption', every: '10m', max_age: '1h' }],
    applications: [
      {
        name: 'wiki',
        destinations: ['wiki.corp:443'],
        policies: [
          {
            name: 'p',
            decision: 'allow',
            include: [{ everyone: true }],
            require: [{ device_posture: 'disk' }],
          },
        ],
      },
    ],
  })
  t.is(createReplay(posture).take(wiki), 'not_comparable')
  const limited = policyOf({
    applications: [open('wiki', ['wiki.corp:443'], { session_length: '1h' })],
  })
  t.is(createReplay(limited).take(wiki), 'not_comparable')
  const { verdict: _, reason: _reason, revision: _revision, ...opened } = wiki
  t.is(createReplay(before).take(opened), 'not_comparable')
})

test('A4: whatever a store holds, a replay takes it', (t) => {
  const anything = fc.record({
    facts: fc.anything(),
    revision: fc.constant(1),
    reason: fc.constantFrom('no_application', 'x'),
    verdict: fc.constantFrom('permit', 'denial'),
  })
  const takes = fc.property(anything, (record) => {
    const replay = createReplay(before)
    replay.take(record as unknown as FlowRecord)
    return replay.report().flows === 1
  })
  t.notThrows(() => fc.assert(takes))
})

test('A4: memory is bounded: groups that find no room are counted', (t) => {
  const replay = createReplay(policyOf({}))
  for (let port = 1; port <= 1200; port++) {
    const { facts } = wiki
    const destination = { ...facts.destination, host: `h${port}.corp` }
    replay.take({ ...wiki, facts: { ...facts, destination } })
  }
  const { groups, moreFlows, flows } = replay.report()
  t.deepEqual([groups.length, moreFlows, flows], [1000, 200, 1200])
})

test('A4: pages hold every flow once, those of one moment too, and none before the time', async (t) => {
  const store = openMemoryStore()
  const ids = Array.from({ length: 450 }, (_, index) => `flow-${String(index).padStart(3, '0')}`)
  for (const [index, id] of ids.entries()) {
    store.flows.put({ ...wiki, id, openedAtMs: index < 440 ? AT_MS : AT_MS - 2000 })
  }
  const seen: string[] = []
  for await (const page of flowPages(store.flows, AT_MS - 1000))
    seen.push(...page.map(({ id }) => id))
  t.deepEqual(seen.sort(), ids.slice(0, 440))
})
