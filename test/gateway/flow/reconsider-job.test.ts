import test from 'ava'
import { createFlowTable, DEFAULT_FLOW_LIMITS } from '../../../gateway/flow/flow-table.ts'
import { startReconsideration } from '../../../gateway/flow/reconsider-job.ts'
import { denial, permit } from '../../support/decisions.ts'
import { sampleFacts } from '../../support/sample-facts.ts'
import { memoryLog } from '../../support/tunnel.ts'

test('G10 A5: a flow is decided again when its decision has run out, and not before', async (t) => {
  const table = createFlowTable()
  const untilSeconds = Math.ceil(Date.now() / 1000)
  const decidedAtMs: number[] = []
  const job = startReconsideration({
    table,
    log: memoryLog(),
    now: Date.now,
    refresh: ({ facts }) => facts,
    decide: () => {
      decidedAtMs.push(Date.now())
      return denial('session_expired')
    },
  })
  t.teardown(() => job.stop())
  const flow = { deviceId: 'd', userId: 'u', facts: sampleFacts(), openedAtMs: 0 }
  const reason = new Promise((resolve) => {
    const decision = { ...permit, validUntilSeconds: untilSeconds }
    table.open({ ...flow, id: 'due', decision, cut: resolve })
  })
  const late = { ...permit, validUntilSeconds: untilSeconds + 3600 }
  table.open({ ...flow, id: 'later', decision: late, cut: () => t.fail('not due') })
  table.open({ ...flow, id: 'never', decision: permit, cut: () => t.fail('never due') })
  job.at(untilSeconds + 3600)
  job.at(untilSeconds)
  t.is(await reason, 'session_expired')
  t.is(decidedAtMs.length, 1)
  t.true((decidedAtMs[0] ?? 0) >= untilSeconds * 1000)
})

test('G10 A11: a flow that a change gave an end is decided again then', async (t) => {
  const table = createFlowTable()
  const untilSeconds = Math.ceil(Date.now() / 1000) + 1
  const job = startReconsideration({
    ...{ table, log: memoryLog(), now: Date.now },
    refresh: ({ facts }) => facts,
    decide: () =>
      Date.now() < untilSeconds * 1000
        ? { ...permit, validUntilSeconds: untilSeconds }
        : denial('service_token_expired'),
  })
  t.teardown(() => job.stop())
  const flow = { deviceId: 'd', userId: 'u', facts: sampleFacts(), openedAtMs: 0 }
  const reason = new Promise((resolve) => {
    table.open({ ...flow, id: 'a', decision: permit, cut: resolve })
  })
  t.is(job.tell({ kind: 'everything' }), 0)
  t.is(await reason, 'service_token_expired')
})

test('G10: a change is told with as many flows as the table takes', (t) => {
  const table = createFlowTable()
  const flow = { userId: 'u', facts: sampleFacts(), openedAtMs: 0, decision: permit, cut: () => {} }
  for (let n = 0; n < DEFAULT_FLOW_LIMITS.total; n++) {
    table.open({ ...flow, id: `${n}`, deviceId: `${n % 100}` })
  }
  const job = startReconsideration({
    ...{ table, log: memoryLog(), now: Date.now },
    refresh: ({ facts }) => facts,
    decide: () => permit,
  })
  t.teardown(() => job.stop())
  t.is(job.tell({ kind: 'everything' }), 0)
  t.is(table.count, DEFAULT_FLOW_LIMITS.total)
})
