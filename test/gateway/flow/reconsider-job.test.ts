import test, { type ExecutionContext } from 'ava'
import type { AccessChange } from '../../../gateway/access-change.ts'
import {
  createFlowTable,
  DEFAULT_FLOW_LIMITS,
  type OpenFlow,
} from '../../../gateway/flow/flow-table.ts'
import { startReconsideration } from '../../../gateway/flow/reconsider-job.ts'
import type { Facts } from '../../../gateway/policy/facts.ts'
import { denial, permit } from '../../support/decisions.ts'
import { deferred } from '../../support/deferred.ts'
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

const LATER_MS = Date.now() + 60_000
const EVERYTHING: AccessChange = { kind: 'everything' }
const saying = (passed: boolean, facts: Facts): Facts => ({
  ...facts,
  evaluations: { risk: { passed, validUntilMs: LATER_MS } },
})

/** One flow, permitted by an evaluator's answer; every question waits to be answered. */
function startAsking(t: ExecutionContext, change: Partial<OpenFlow> = {}) {
  const table = createFlowTable()
  const cuts: string[] = []
  const questions: { readonly facts: Facts; answer(passed: boolean): void }[] = []
  let groups: readonly string[] = ['staff']
  const job = startReconsideration({
    ...{ table, log: memoryLog(), now: Date.now },
    refresh: ({ facts }) => ({ ...facts, subject: { ...facts.subject, groups } }),
    decide: ({ evaluations, subject }) =>
      evaluations?.['risk']?.passed === true && subject.groups.length > 0
        ? permit
        : denial('no_policy_matched'),
    gather(facts) {
      const { promise, resolve } = deferred<Facts>()
      questions.push({ facts, answer: (passed) => resolve(saying(passed, facts)) })
      return promise
    },
  })
  t.teardown(() => job.stop())
  const facts = saying(true, sampleFacts())
  const flow = { id: 'a', deviceId: 'd', userId: 'u', facts, openedAtMs: 0, decision: permit }
  table.open({ ...flow, cut: (reason) => cuts.push(reason), ...change })
  const become = (next: readonly string[]) => {
    groups = next
    return job.settle(EVERYTHING)
  }
  return { table, cuts, questions, become }
}

for (const passed of [true, false]) {
  test(`G10 A3: an open flow goes on while an evaluator is asked anew, and ${passed ? 'stays' : 'ends'} by its answer`, async (t) => {
    const { table, cuts, questions, become } = startAsking(t)
    const settled = become(['others'])
    t.deepEqual(cuts, [])
    t.deepEqual(questions[0]?.facts.subject.groups, ['others'])
    questions[0]?.answer(passed)
    await settled
    t.deepEqual(cuts, passed ? [] : ['no_policy_matched'])
    t.deepEqual(table.get('a')?.facts.subject.groups, passed ? ['others'] : undefined)
  })
}

test('G10 A3: an open flow that the answer from before does not save ends at once', async (t) => {
  const { cuts, questions, become } = startAsking(t)
  await become([])
  t.deepEqual(cuts, ['no_policy_matched'])
  questions[0]?.answer(true)
})

test('T86: an answer about what was known before counts no more', async (t) => {
  const { cuts, questions, become } = startAsking(t)
  const first = become(['others'])
  const second = become(['more'])
  questions[0]?.answer(false)
  await first
  t.deepEqual(cuts, [])
  questions[1]?.answer(true)
  await second
  t.deepEqual(cuts, [])
})

test('D9 A3: a flow that is held goes on by what an evaluator says of it now, and by nothing before', async (t) => {
  const heard: string[] = []
  const { questions, become } = startAsking(t, {
    decision: denial('session_expired'),
    held: ({ reason }) => heard.push(reason),
  })
  const settled = become(['others'])
  t.deepEqual(heard, [])
  questions[0]?.answer(true)
  await settled
  t.deepEqual(heard, ['allowed_by_policy'])
})
