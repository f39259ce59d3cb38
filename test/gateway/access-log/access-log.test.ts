import test from 'ava'
import fc from 'fast-check'
import { accessLine } from '../../../gateway/access-log/access-line.ts'
import { cursorOf, matches, parseAccessQuery } from '../../../gateway/access-log/access-query.ts'
import { createBacklog } from '../../../gateway/access-log/backlog.ts'
import { followAccess } from '../../../gateway/access-log/follow-job.ts'
import type { FlowRecord } from '../../../gateway/flow/flow-record.ts'
import { createFlowTap } from '../../../gateway/flow/flow-tap.ts'
import { startAdminRig } from '../../support/admin-rig.ts'
import { sampleFacts } from '../../support/sample-facts.ts'

const AT_MS = Date.UTC(2026, 0, 1)
const grant = { kind: 'purpose', application: 'wiki', grantedAtMs: 1, untilMs: AT_MS * 2 } as const
const facts = sampleFacts({
  grants: [
    { ...grant, text: 'incident 7' },
    { ...grant, kind: 'approval', approver: 'lead@example.com' },
    { ...grant, application: 'other', text: 'not this one' },
  ],
})
const record: FlowRecord = {
  ...{ id: 'f1', state: 'closed', openedAtMs: AT_MS, decidedAtMs: AT_MS, closedAtMs: AT_MS + 5 },
  facts,
  ...{ verdict: 'permit', reason: 'allowed_by_policy', application: 'wiki', policy: 'staff' },
  ...{ revision: 3, dialled: '10.0.0.7', accessSessionId: 's1', sentBytes: 1, receivedBytes: 2 },
  droppedDatagrams: 3,
  closeReason: 'done',
  trace: [
    { phase: 'network', name: 'r', outcome: 'no_match' },
    { phase: 'application', name: 'wiki/staff', outcome: 'matched', selector: 'group: staff' },
  ],
}

test('G11: a line says who, where to, what was decided, by what, why, and what came of it', (t) => {
  t.deepEqual(JSON.parse(JSON.stringify(accessLine(record))), {
    ...{ type: 'flow', id: 'f1', state: 'closed' },
    openedAt: '2026-01-01T00:00:00.000Z',
    decidedAt: '2026-01-01T00:00:00.000Z',
    closedAt: '2026-01-01T00:00:00.005Z',
    ...{ user: 'ann@example.com', userId: 'user-1', device: 'device-1', source: '192.0.2.7' },
    destination: { host: 'wiki.corp.internal', port: 443, transport: 'tcp' },
    ...{ decision: 'permit', by: 'policy', reason: 'allowed_by_policy' },
    ...{ application: 'wiki', policy: 'staff', selector: 'group: staff', revision: 3 },
    ...{ sessionId: 's1', purpose: 'incident 7', approver: 'lead@example.com' },
    ...{
      dialled: '10.0.0.7',
      sentBytes: 1,
      receivedBytes: 2,
      droppedDatagrams: 3,
      closeReason: 'done',
    },
  })
})

const { policy: _policy, application: _application, ...unnamed } = record
const service = { tokenId: 't', name: 'backup' }
const kinds: Record<string, FlowRecord> = {
  bypass: { ...record, reason: 'bypassed_by_policy' },
  service: { ...record, facts: { ...facts, subject: { ...facts.subject, service } } },
  rule: { ...unnamed, rule: 'dns', reason: 'allowed_by_rule' },
  default: { ...unnamed, reason: 'allowed_by_default' },
  none: { ...unnamed, verdict: 'denial', reason: 'no_application' },
}
for (const [kind, one] of Object.entries(kinds)) {
  test(`G11: what decided is told: ${kind}`, (t) => t.is(accessLine(one).by, kind))
}

test('G11: whatever an older version stored has a line', (t) => {
  const shows = fc.property(fc.anything(), fc.anything(), (stored, trace) => {
    const odd = { ...record, facts: stored, trace: Array.isArray(trace) ? [] : undefined }
    return accessLine(odd as unknown as FlowRecord).id === 'f1'
  })
  t.notThrows(() => fc.assert(shows))
})

test('G11 T92: filters are plain text, and unknown keys are refused', (t) => {
  for (const user of ['.*', '^ann', '%', '(a+)+$', 'ann@example.com ']) {
    t.false(matches(record, { user }), user)
  }
  t.true(matches(record, { user: 'Ann@example.com', application: 'wiki', decision: 'permit' }))
  t.false(matches(record, { decision: 'denial' }))
  for (const query of [
    { usr: 'a' },
    { limit: '0' },
    { limit: '1e3' },
    { cursor: '!!' },
    { decision: 'maybe' },
    { since: 'yesterday' },
    { user: ['a', 'b'] },
  ]) {
    t.deepEqual(parseAccessQuery(query), { ok: false, error: { key: Object.keys(query)[0] ?? '' } })
  }
})

test('G11: a cursor leads back to its place; queries never throw', (t) => {
  const cursor = cursorOf(record)
  t.like(parseAccessQuery({ cursor }), { value: { from: { beforeMs: AT_MS, beforeId: 'f1' } } })
  const total = fc.property(fc.anything(), (query) => 'ok' in parseAccessQuery(query))
  t.notThrows(() => fc.assert(total))
})

test('G11: what finds no room leaves a gap at its place, and order is kept', (t) => {
  const backlog = createBacklog<number>({ waiting: 2, lost: 3 })
  for (const line of [1, 2, 3, 4]) backlog.add(line)
  t.is(backlog.take(), 1)
  backlog.add(5)
  t.true(backlog.isHopeless)
  t.is(backlog.take(), 2)
  t.deepEqual(backlog.take(), { type: 'gap', lost: 3 })
  t.is(backlog.take(), undefined)
  backlog.add(6)
  t.is(backlog.take(), 6)
})

test('G11: followers get each flow when it is dialled and when it is over, and refusals once', async (t) => {
  const tap = createFlowTap()
  const lines = followAccess(tap, {}, { limits: { waiting: 10, lost: 10 }, idleMs: 60_000 })
  t.deepEqual((await lines.next()).value, { type: 'following' })
  const { dialled: _, ...undialled } = record
  tap.tell({ ...undialled, id: 'refused', state: 'opened' })
  tap.tell({ ...undialled, id: 'refused', state: 'decided' })
  tap.tell({ ...undialled, id: 'refused', state: 'closed' })
  tap.tell({ ...record, state: 'decided' })
  tap.tell(record)
  const seen = [await lines.next(), await lines.next(), await lines.next()].map(
    ({ value }) => value,
  )
  t.like(seen, [
    { id: 'refused', state: 'closed' },
    { id: 'f1', state: 'decided' },
    { id: 'f1', state: 'closed' },
  ])
  await lines.return(undefined)
})

test('G11: a slow reader is told what it misses, and let go when it is far behind', async (t) => {
  const tap = createFlowTap()
  const lines = followAccess(tap, {}, { limits: { waiting: 1, lost: 2 }, idleMs: 60_000 })
  await lines.next()
  for (let count = 0; count < 3; count++) tap.tell(record)
  const seen: unknown[] = []
  for await (const line of lines) seen.push(line)
  t.like(seen, [{ id: 'f1' }, { type: 'gap', lost: 2 }, { type: 'end', reason: 'too_slow' }])
})

test('G11: a reader hears that nothing happens', async (t) => {
  const lines = followAccess(createFlowTap(), {}, { idleMs: 1 })
  await lines.next()
  const keepsAlive = setInterval(() => undefined, 1000)
  t.deepEqual((await lines.next()).value, { type: 'idle' })
  clearInterval(keepsAlive)
  await lines.return(undefined)
})

test('G11: the API looks back in pages, newest first, filtered', async (t) => {
  const { store, get } = await startAdminRig(t)
  for (let index = 0; index < 5; index++) {
    store.flows.put({ ...record, id: `f${index}`, openedAtMs: AT_MS + (index % 2) })
  }
  store.flows.put({ ...record, id: 'denied', verdict: 'denial', reason: 'no_application' })
  const ids = async (query: string) => {
    const { json } = await get(`/api/v1/logs/access?${query}`)
    const { lines, next } = json as { lines: { id: string }[]; next?: string }
    return { ids: lines.map(({ id }) => id), next }
  }
  const first = await ids('decision=permit&limit=3')
  t.deepEqual(first.ids, ['f3', 'f1', 'f4'])
  const rest = await ids(`decision=permit&limit=3&cursor=${first.next}`)
  t.deepEqual(rest, { ids: ['f2', 'f0'], next: undefined })
  t.deepEqual((await ids('reason=no_application')).ids, ['denied'])
  t.deepEqual((await ids('since=2026-01-01T00:00:00.001Z')).ids, ['f3', 'f1'])
  const refused = await get('/api/v1/logs/access?users=a')
  t.is(refused.status, 400)
  t.like(refused.json, { error: { code: 'bad_query' } })
})

test('G11: sixteen follow the log at once, and another one when one of them has left', async (t) => {
  const { open, get } = await startAdminRig(t)
  const follow = '/api/v1/logs/access?follow=true'
  const followers = []
  for (let n = 0; n < 16; n += 1) followers.push(await open(follow))
  t.true(followers.every(({ statusCode }) => statusCode === 200))
  const refused = await get(follow)
  t.is(refused.status, 503)
  t.like(refused.json, { error: { code: 'too_many_followers' } })
  followers.pop()?.destroy()
  const next = async (): Promise<void> => {
    const another = await open(follow)
    followers.push(another)
    if (another.statusCode !== 200) await next()
  }
  await t.notThrowsAsync(next)
  for (const one of followers) one.destroy()
})
