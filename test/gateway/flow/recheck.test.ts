import test from 'ava'
import { createFlowTable, type OpenFlow } from '../../../gateway/flow/flow-table.ts'
import { type Decide, recheckFlows } from '../../../gateway/flow/recheck.ts'
import type { Denial, Permit } from '../../../gateway/policy/decision.ts'
import { sampleFacts } from '../../support/sample-facts.ts'

const PERMIT: Permit = {
  kind: 'permit',
  reason: 'allowed_by_policy',
  application: 'db',
  enforcement: {
    kind: 'ssh',
    ssh: { unixUsers: ['demo'], record: 'required', hostKeys: [], hostAuthorities: [] },
  },
  revision: 1,
  trace: [],
}
const DENIAL: Denial = {
  kind: 'denial',
  reason: 'no_policy_matched',
  remedy: 'none',
  revision: 2,
  trace: [],
}
const always =
  (decision: Permit | Denial): Decide =>
  () =>
    decision

function openTable() {
  const cuts: string[] = []
  const table = createFlowTable()
  const flow: OpenFlow = {
    id: 'a',
    deviceId: 'device-1',
    userId: 'user-1',
    facts: sampleFacts(),
    revision: 1,
    openedAtMs: 0,
    cut: (reason) => cuts.push(reason),
  }
  table.open(flow)
  return { table, cuts }
}

test('G10: a flow that the new policy denies is cut with its reason', (t) => {
  const { table, cuts } = openTable()
  t.is(recheckFlows(table, always(PERMIT), always(DENIAL)), 1)
  t.deepEqual(cuts, ['no_policy_matched'])
  t.is(table.count, 0)
})

test('G10: a flow that passes as before stays, on the new revision', (t) => {
  const { table, cuts } = openTable()
  t.is(
    recheckFlows(table, always(PERMIT), always({ ...PERMIT, revision: 2, policy: 'renamed' })),
    0,
  )
  t.deepEqual(cuts, [])
  t.is(table.get('a')?.revision, 2)
})

const changed: Record<string, Permit> = {
  'other UNIX users': {
    ...PERMIT,
    enforcement: {
      kind: 'ssh',
      ssh: { unixUsers: [], record: 'required', hostKeys: [], hostAuthorities: [] },
    },
  },
  'another enforcement': { ...PERMIT, enforcement: { kind: 'relay' } },
  'another idle time': { ...PERMIT, idleTimeoutMs: 1000 },
}
for (const [what, now] of Object.entries(changed)) {
  test(`G10: a flow that would pass under ${what} is cut`, (t) => {
    const { table, cuts } = openTable()
    t.is(recheckFlows(table, always(PERMIT), always(now)), 1)
    t.deepEqual(cuts, ['policy_changed'])
  })
}
