import test from 'ava'
import { createFlowTable, type OpenFlow } from '../../../gateway/flow/flow-table.ts'
import { concernedFlows, reconsiderFlows } from '../../../gateway/flow/reconsider.ts'
import type { Decision, Permit } from '../../../gateway/policy/decision.ts'
import { DEFAULT_SSH_GRANT } from '../../../gateway/policy/ssh-grant.ts'
import { denial } from '../../support/decisions.ts'
import { sampleFacts } from '../../support/sample-facts.ts'

const PERMIT: Permit = {
  kind: 'permit',
  reason: 'allowed_by_policy',
  application: 'db',
  enforcement: {
    kind: 'ssh',
    ssh: {
      unixUsers: ['demo'],
      record: 'required',
      hostKeys: [],
      hostAuthorities: [],
      grants: [DEFAULT_SSH_GRANT],
    },
  },
  revision: 1,
  trace: [],
}

function openTable(change: Partial<OpenFlow> = {}) {
  const cuts: string[] = []
  const table = createFlowTable()
  const flow: OpenFlow = {
    id: 'a',
    deviceId: 'device-1',
    userId: 'user-1',
    facts: sampleFacts(),
    decision: PERMIT,
    openedAtMs: 0,
    cut: (reason) => cuts.push(reason),
    ...change,
  }
  table.open(flow)
  const reconsider = (now: Decision, facts = sampleFacts()) =>
    reconsiderFlows(table, table.list(), { decide: () => now, refresh: () => facts }).cut
  return { table, cuts, reconsider }
}

test('G10: a flow that is denied now is cut with its reason', (t) => {
  const { table, cuts, reconsider } = openTable()
  t.is(reconsider(denial('no_policy_matched')), 1)
  t.deepEqual(cuts, ['no_policy_matched'])
  t.is(table.count, 0)
})

test('G10: a flow that passes as before stays, with its new facts and decision', (t) => {
  const { table, cuts, reconsider } = openTable()
  const facts = sampleFacts({ protocol: 'tls' })
  t.is(reconsider({ ...PERMIT, revision: 2, policy: 'renamed' }, facts), 0)
  t.deepEqual(cuts, [])
  t.is(table.get('a')?.decision?.revision, 2)
  t.deepEqual(table.get('a')?.facts, facts)
})

const changed: Record<string, Permit> = {
  'other UNIX users': {
    ...PERMIT,
    enforcement: {
      kind: 'ssh',
      ssh: {
        unixUsers: [],
        record: 'required',
        hostKeys: [],
        hostAuthorities: [],
        grants: [DEFAULT_SSH_GRANT],
      },
    },
  },
  'another enforcement': { ...PERMIT, enforcement: { kind: 'relay' } },
  'another idle time': { ...PERMIT, idleTimeoutMs: 1000 },
}
for (const [what, now] of Object.entries(changed)) {
  test(`G10: a flow that would pass under ${what} is cut`, (t) => {
    const { cuts, reconsider } = openTable()
    t.is(reconsider(now), 1)
    t.deepEqual(cuts, ['policy_changed'])
  })
}

test('G10 T87: a flow whose device or user is gone is cut', (t) => {
  const { table, cuts } = openTable()
  const gone = { decide: () => PERMIT, refresh: () => undefined }
  t.is(reconsiderFlows(table, table.list(), gone).cut, 1)
  t.deepEqual(cuts, ['device_unknown'])
})

test('D9: a flow that is held is told its decision, permit or denial, and is not cut', (t) => {
  const heard: Decision[] = []
  const { table, cuts, reconsider } = openTable({
    decision: denial('session_expired'),
    held: (decision) => heard.push(decision),
  })
  t.is(reconsider(denial('session_revoked')), 0)
  t.is(reconsider(PERMIT), 0)
  t.deepEqual(
    heard.map(({ reason }) => reason),
    ['session_revoked', 'allowed_by_policy'],
  )
  t.deepEqual(cuts, [])
  table.release('a')
  t.is(reconsider(denial('session_expired')), 1)
})

test('G10: a change concerns the flows of its device, user or application', (t) => {
  const { table } = openTable()
  const cut = () => undefined
  const other = { deviceId: 'device-2', userId: 'user-2', facts: sampleFacts(), openedAtMs: 0, cut }
  table.open({ ...other, id: 'b', decision: { ...PERMIT, application: 'wiki' } })
  const idsFor = (change: Parameters<typeof concernedFlows>[1]) =>
    concernedFlows(table, change).map(({ id }) => id)
  t.deepEqual(idsFor({ kind: 'device', deviceId: 'device-1' }), ['a'])
  t.deepEqual(idsFor({ kind: 'user', userId: 'user-2' }), ['b'])
  t.deepEqual(idsFor({ kind: 'application', application: 'wiki' }), ['b'])
  t.deepEqual(idsFor({ kind: 'everything' }), ['a', 'b'])
})

test('G10 A11: a change of a service token concerns the flows of that service', (t) => {
  const { subject, ...facts } = sampleFacts()
  const service = { tokenId: 'zt-service-1', name: 'backup' }
  const { table } = openTable({ facts: { ...facts, subject: { ...subject, service } } })
  const concerned = (tokenId: string) => concernedFlows(table, { kind: 'service', tokenId }).length
  t.deepEqual([concerned('zt-service-1'), concerned('zt-service-2')], [1, 0])
})

test('G10 A3: a flow that is still to be decided is not cut; it is decided on the new facts', (t) => {
  const { table, cuts } = openTable()
  const { decision: _, ...undecided } = table.get('a') ?? {}
  table.open({ ...(undecided as OpenFlow), id: 'b', cut: () => t.fail() })
  const facts = sampleFacts({ protocol: 'tls' })
  const now = { decide: () => denial('no_policy_matched'), refresh: () => facts }
  t.is(reconsiderFlows(table, [table.get('b') as OpenFlow], now).cut, 0)
  t.deepEqual(table.get('b')?.facts, facts)
  t.is(table.get('b')?.decision, undefined)
  t.deepEqual(cuts, [])
})
