import test from 'ava'
import type { AccessChange } from '../../../gateway/access-change.ts'
import { PENDING_MS } from '../../../gateway/access-request/access-request.ts'
import { openAccessRequests } from '../../../gateway/access-request/access-requests-store.ts'
import type { CompiledPolicy } from '../../../gateway/policy/compile.ts'
import { evaluate } from '../../../gateway/policy/evaluate.ts'
import { openMemoryStore } from '../../../gateway/store/memory-store.ts'
import { everyone, factsOf, policyOf } from '../../support/policy-builder.ts'
import { memoryLog } from '../../support/tunnel.ts'

const HOUR = 3_600_000
const START = 1_800_000_000_000

const policyWith = (consent: object) =>
  policyOf({
    applications: [
      {
        name: 'db',
        destinations: ['db.corp:22'],
        policies: [{ name: 'p', decision: 'allow', include: everyone, ...consent }],
      },
    ],
  })
const APPROVAL = { approvers: [{ group: 'leads' }, { email: 'boss@example.com' }], valid_for: '1h' }
const LEADS = policyWith({ approval: APPROVAL })
const PURPOSE = policyWith({ justify: { valid_for: '8h' } })

/** Requests over an empty store, where ann asks; lea and lou are leads, the boss is named, bob is nobody. */
function start(policy: CompiledPolicy) {
  const store = openMemoryStore()
  const told: AccessChange[] = []
  const clock = { nowMs: START, policy }
  const person = (name: string, groups: readonly string[] = [], provider = 'corp') =>
    store.users.upsert({
      ...{ provider, providerSubject: name, email: `${name}@example.com`, name, groups },
      ...{ claims: {}, login: { atMs: 1 } },
    })
  const ann = person('ann')
  for (const name of ['lea', 'lou']) person(name, ['leads'])
  person('boss')
  person('bob')
  const requests = openAccessRequests({
    store,
    policy: () => clock.policy,
    tell: (change) => told.push(change),
    log: memoryLog(),
    now: () => clock.nowMs,
  })
  const asked = { userId: ann.id, deviceId: 'd', application: 'db' }
  const ask = () => {
    const found = requests.ask(asked, 'to mend it')
    if (!found.ok) throw new Error(found.error)
    return found.value.requestId
  }
  const reason = () =>
    evaluate(
      clock.policy,
      factsOf('db.corp:22', { grants: requests.grants(ann.id) }),
      clock.nowMs / 1000,
    ).reason
  return { store, told, clock, ann, person, requests, asked, ask, reason }
}

test('A10: an approver named by the policy approves, access begins, and ends with its time', (t) => {
  const { requests, ask, reason, told, clock, ann } = start(LEADS)
  const id = ask()
  t.is(reason(), 'approval_required')
  const approved = requests.approve(id, 'Lea@example.com')
  t.true(approved.ok)
  t.is(reason(), 'allowed_by_policy')
  t.deepEqual(told.at(-1), { kind: 'user', userId: ann.id })
  t.like(requests.grants(ann.id)[0], { approver: 'lea@example.com', text: 'to mend it' })
  clock.nowMs += HOUR
  t.is(reason(), 'approval_required')
})

test('A10: a person may be named by address', (t) => {
  const { requests, ask } = start(LEADS)
  t.true(requests.approve(ask(), 'boss@example.com').ok)
})

test('A10: nobody else decides', (t) => {
  const { requests, ask, reason } = start(LEADS)
  const id = ask()
  for (const by of ['bob@example.com', 'nobody@example.com', '']) {
    t.deepEqual(requests.approve(id, by), { ok: false, error: 'not_an_approver' })
    t.deepEqual(requests.deny(id, by), { ok: false, error: 'not_an_approver' })
  }
  t.deepEqual(requests.approve('x', 'lea@example.com'), { ok: false, error: 'request_unknown' })
  t.is(reason(), 'approval_required')
})

test('A10: nobody decides on their own request, not even as another provider knows them', (t) => {
  const { requests, ask, person, reason } = start(LEADS)
  person('ann', ['leads'], 'second')
  t.deepEqual(requests.approve(ask(), 'ann@example.com'), { ok: false, error: 'own_request' })
  t.is(reason(), 'approval_required')
})

test('A10: somebody who is disabled does not decide', (t) => {
  const { requests, ask, store } = start(LEADS)
  store.users.refresh('corp', 'lea', { groups: ['leads'], disabledAtMs: START })
  t.deepEqual(requests.approve(ask(), 'lea@example.com'), { ok: false, error: 'not_an_approver' })
})

test('A10: as many approve as the policy says, each once', (t) => {
  const { requests, ask, reason } = start(policyWith({ approval: { ...APPROVAL, needed: 2 } }))
  const id = ask()
  t.true(requests.approve(id, 'lea@example.com').ok)
  t.is(reason(), 'approval_required')
  const again = requests.approve(id, 'lea@example.com')
  t.deepEqual(again, { ok: false, error: 'approved_already' })
  t.true(requests.approve(id, 'lou@example.com').ok)
  t.is(reason(), 'allowed_by_policy')
})

test('A10: one who denies ends it', (t) => {
  const { requests, ask, reason } = start(LEADS)
  const id = ask()
  t.true(requests.deny(id, 'lea@example.com').ok)
  const late = requests.approve(id, 'lou@example.com')
  t.deepEqual(late, { ok: false, error: 'request_not_pending' })
  t.is(reason(), 'approval_required')
})

test('A10: a request that waited too long cannot be approved', (t) => {
  const { requests, ask, clock } = start(LEADS)
  const id = ask()
  clock.nowMs += PENDING_MS
  const late = requests.approve(id, 'lea@example.com')
  t.deepEqual(late, { ok: false, error: 'request_not_pending' })
})

test('A10: a request is joined while it waits, and another one is made after it', (t) => {
  const { requests, ask } = start(LEADS)
  const id = ask()
  t.is(ask(), id)
  requests.deny(id, 'lea@example.com')
  t.not(ask(), id)
})

test('A10: the policy in force decides who may approve', (t) => {
  const { requests, ask, clock } = start(LEADS)
  const id = ask()
  clock.policy = policyWith({ approval: { approvers: [{ email: 'bob@example.com' }] } })
  const former = requests.approve(id, 'lea@example.com')
  t.deepEqual(former, { ok: false, error: 'not_an_approver' })
  clock.policy = policyWith({})
  t.deepEqual(requests.approve(id, 'lea@example.com'), { ok: false, error: 'not_an_approver' })
})

test('A10: a stated purpose counts at once, for its time, and is kept', (t) => {
  const { requests, asked, clock, reason, store, told, ann } = start(PURPOSE)
  t.is(reason(), 'justification_required')
  t.true(requests.justify(asked, 'ticket 7').ok)
  t.is(reason(), 'allowed_by_policy')
  t.deepEqual(told, [{ kind: 'user', userId: ann.id }])
  t.like(store.accessRequests.ofUser(ann.id)[0], { kind: 'purpose', purpose: 'ticket 7' })
  clock.nowMs += 8 * HOUR
  t.is(reason(), 'justification_required')
})

test('A10: what no policy asks for is not taken', (t) => {
  const { requests, asked, store } = start(PURPOSE)
  t.deepEqual(requests.ask(asked, 'x'), { ok: false, error: 'not_asked_for' })
  t.deepEqual(requests.justify({ ...asked, application: 'web' }, 'x'), {
    ok: false,
    error: 'not_asked_for',
  })
  t.deepEqual(requests.justify({ ...asked, policy: 'q' }, 'x'), {
    ok: false,
    error: 'not_asked_for',
  })
  t.deepEqual(store.accessRequests.list({ limit: 10 }), [])
})

test('A10: a purpose is no request that others could approve', (t) => {
  const { requests, asked } = start(PURPOSE)
  const made = requests.justify(asked, 'x')
  const id = made.ok ? made.value.id : ''
  t.deepEqual(requests.approve(id, 'lea@example.com'), { ok: false, error: 'request_unknown' })
})
