import test from 'ava'
import type { FlowRecord } from '../../../gateway/flow/flow-record.ts'
import { newFlowId, openFlowRecord } from '../../../gateway/flow/flow-recorder.ts'
import type { Decision } from '../../../gateway/policy/decision.ts'
import { sampleFacts } from '../../support/sample-facts.ts'

const PERMIT: Decision = {
  kind: 'permit',
  reason: 'allowed_by_policy',
  application: 'wiki',
  policy: 'staff',
  enforcement: { kind: 'relay' },
  revision: 3,
  trace: [{ phase: 'application', name: 'wiki', outcome: 'matched' }],
}
const DENIAL: Decision = {
  kind: 'denial',
  reason: 'blocked_by_rule',
  remedy: 'none',
  rule: 'no-telnet',
  revision: 4,
  trace: [],
}

function recorder() {
  const rows: FlowRecord[] = []
  let nowMs = 1000
  const start = { id: 'flow-1', facts: sampleFacts(), process: 'curl' }
  const deps = { put: (row: FlowRecord) => rows.push(row), now: () => nowMs++ }
  return { rows, flow: openFlowRecord(deps, start) }
}

test('G11: one record goes through opened, decided, closed and keeps what it learnt', (t) => {
  const { rows, flow } = recorder()
  flow.decided(PERMIT, { dialled: '10.0.0.5' })
  flow.closed({ closeReason: 'done', sentBytes: 10, receivedBytes: 20 }, { sessionId: 's-1' })
  t.deepEqual(
    rows.map((row) => row.state),
    ['opened', 'decided', 'closed'],
  )
  t.deepEqual(rows.at(-1), {
    id: 'flow-1',
    state: 'closed',
    facts: sampleFacts(),
    process: 'curl',
    openedAtMs: 1000,
    decidedAtMs: 1001,
    closedAtMs: 1002,
    verdict: 'permit',
    reason: 'allowed_by_policy',
    application: 'wiki',
    policy: 'staff',
    revision: 3,
    trace: PERMIT.trace,
    dialled: '10.0.0.5',
    closeReason: 'done',
    sentBytes: 10,
    receivedBytes: 20,
    sessionId: 's-1',
  })
})

test('G11: a second decision replaces the first whole', (t) => {
  const { rows, flow } = recorder()
  flow.decided(PERMIT)
  flow.decided(DENIAL, { facts: sampleFacts({ protocol: 'ssh' }) })
  const last = rows.at(-1)
  t.is(last?.verdict, 'denial')
  t.is(last?.rule, 'no-telnet')
  t.is(last?.application, undefined)
  t.is(last?.facts.protocol, 'ssh')
})

test('G11: a refusal that no rule made is a denial with its reason', (t) => {
  const { rows, flow } = recorder()
  flow.refused('name_not_found')
  t.like(rows.at(-1), { state: 'decided', verdict: 'denial', reason: 'name_not_found' })
})

test('after closed nothing is written any more', (t) => {
  const { rows, flow } = recorder()
  flow.closed({ closeReason: 'device_revoked' })
  flow.decided(PERMIT)
  flow.refused('target_timeout')
  flow.closed({ closeReason: 'done' })
  t.is(rows.length, 2)
  t.is(rows.at(-1)?.closeReason, 'device_revoked')
})

test('flow ids differ', (t) => t.not(newFlowId(), newFlowId()))
