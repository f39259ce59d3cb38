/** A flow that waits for a purpose, then for an approval, and goes on: the parts of a gateway put together. */
import { generateKeyPairSync } from 'node:crypto'
import test, { type ExecutionContext } from 'ava'
import { askApproval } from '../../../gateway/access-request/access-request.ts'
import { PENDING_LIMIT } from '../../../gateway/access-request/access-requests-store.ts'
import { openAccess } from '../../../gateway/access-store.ts'
import { createEndSignal } from '../../../gateway/enforce/end-signal.ts'
import { gatherFacts } from '../../../gateway/facts/gather.ts'
import { createFlowTable } from '../../../gateway/flow/flow-table.ts'
import { createPolicySnapshot } from '../../../gateway/policy-snapshot.ts'
import { type InteractiveDenial, isInteractive } from '../../../gateway/prompt/hold.ts'
import { openPromptAccess } from '../../../gateway/prompt-access-job.ts'
import { openMemoryStore } from '../../../gateway/store/memory-store.ts'
import { everyone, policyOf } from '../../support/policy-builder.ts'
import { memoryLog } from '../../support/tunnel.ts'

const LEAD = { approvers: [{ email: 'lea@example.com' }], valid_for: '1h' }

const policyWith = (consent: object, name = 'p') =>
  policyOf({
    applications: [
      {
        name: 'db',
        destinations: ['db.corp:22'],
        policies: [{ name, decision: 'allow', include: everyone, ...consent }],
      },
    ],
  })

/** Ann's laptop, whose flows to the database can be held; every notice is kept. */
function start(t: ExecutionContext, consent: object) {
  const store = openMemoryStore()
  const person = (name: string) =>
    store.users.upsert({
      ...{ provider: 'corp', providerSubject: name, email: `${name}@example.com`, name },
      ...{ groups: [], claims: {}, login: { atMs: 1 } },
    })
  const ann = person('ann')
  person('lea')
  const device = { id: 'd', userId: ann.id, name: 'laptop', keySha256: 'k', enrolledAtMs: 1 }
  store.devices.insert({ ...device, login: { atMs: 1 } })
  const snapshot = createPolicySnapshot({ revision: 7, policy: policyWith(consent) })
  const { privateKey: signingKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const loginUrl = 'https://login.example.com'
  const common = {
    store,
    signing: { signingKey, issuer: loginUrl },
    snapshot,
    table: createFlowTable(),
    log: memoryLog(),
    now: Date.now,
  }
  const access = openAccess(common)
  t.teardown(() => access.endAccess())
  const { accessRequests, standing, decider, reconsideration } = access
  const { settle } = reconsideration
  const { holding, prompts } = openPromptAccess({ ...common, accessRequests, loginUrl, settle })
  t.teardown(() => holding.stop())
  const told: string[] = []
  holding.watch({
    onAsked: ({ remedy }) => told.push(`asked: ${remedy}`),
    onEnded: ({ remedy }, outcome) => told.push(`${outcome}: ${remedy}`),
  })

  const facts = gatherFacts({
    standing: standing({ ...device, login: { atMs: 1 } }, ann),
    sourceAddress: '198.51.100.7',
    target: { host: 'db.corp', port: 22 },
  })
  const ends = new Map<string, () => void>()
  function decide(): InteractiveDenial {
    const denial = decider.decide(facts)
    if (!isInteractive(denial)) throw new Error(denial.reason)
    return denial
  }
  function hold(id: string, denial = decide()) {
    const flow = { id, deviceId: 'd', userId: ann.id, facts, openedAtMs: 1, cut: () => {} }
    if (!common.table.open(flow).ok) throw new Error('no place in the table')
    const onAsked = ({ remedy }: { readonly remedy: string }) => told.push(`${id}: ${remedy}`)
    const ended = createEndSignal()
    ends.set(id, ended.raise)
    return holding.hold({ id, facts, ended: ended.signal, onAsked }, denial)
  }
  return {
    store,
    ann,
    snapshot,
    accessRequests,
    holding,
    prompts,
    told,
    decide,
    hold,
    settle,
    giveUp: (id: string) => ends.get(id)?.(),
    log: common.log,
  }
}

test('A10 D9: a held flow goes on when its purpose is stated and an approver agrees', async (t) => {
  const { store, ann, accessRequests, holding, prompts, told, hold, log } = start(t, {
    justify: {},
    approval: LEAD,
  })
  const released = hold('f')

  const [justify] = holding.ofDevice('d')
  if (justify === undefined) return t.fail()
  await prompts.justified(justify, ann, 'ticket 7')
  const [approval] = holding.ofDevice('d')
  t.like(approval, { remedy: 'approval', approval: { approvers: ['email: lea@example.com'] } })
  const requestId = approval?.approval?.requestId ?? ''
  t.like(store.accessRequests.get(requestId), { purpose: 'ticket 7', policy: 'p' })
  t.true(accessRequests.approve(requestId, 'lea@example.com').ok)
  const { kind, ...rest } = await released
  t.is(kind, 'decided')
  t.like(rest, { decision: { kind: 'permit', policy: 'p' } })
  t.deepEqual(told, [
    ...['f: justify', 'asked: justify', 'satisfied: justify'],
    ...['f: approval', 'asked: approval', 'satisfied: approval'],
  ])
  t.is(log.lines.filter(({ message }) => message === 'prompt opened').length, 2)
  return undefined
})

test('A10 D9: an approval is asked for once, however many flows wait for it', async (t) => {
  const { store, ann, holding, told, hold, accessRequests } = start(t, { approval: LEAD })
  const both = [hold('f'), hold('g')]
  t.deepEqual(told, ['f: approval', 'asked: approval', 'g: approval', 'asked: approval'])
  const [request] = store.accessRequests.ofUser(ann.id)
  t.is(store.accessRequests.ofUser(ann.id).length, 1)
  t.is(holding.ofDevice('d').length, 1)
  accessRequests.approve(request?.id ?? '', 'lea@example.com')
  for (const { kind } of await Promise.all(both)) t.is(kind, 'decided')
})

test('A10 D9: a denial ends every flow that waits for the approval, and the next one asks anew', async (t) => {
  const { store, ann, holding, told, hold, accessRequests } = start(t, { approval: LEAD })
  const both = [hold('f'), hold('g')]
  const [first] = store.accessRequests.ofUser(ann.id)
  accessRequests.deny(first?.id ?? '', 'lea@example.com')
  for (const released of await Promise.all(both)) {
    t.deepEqual(released, { kind: 'over', reason: 'approval_denied' })
  }
  t.is(told.at(-1), 'refused: approval')
  t.deepEqual(holding.ofDevice('d'), [])
  const again = hold('h')
  const second = holding.ofDevice('d').at(0)?.approval?.requestId ?? ''
  t.not(second, first?.id)
  accessRequests.approve(second, 'lea@example.com')
  t.is((await again).kind, 'decided')
})

test('A10 D9: a denial that nobody waited for does not end who asks anew', async (t) => {
  const rig = start(t, { approval: LEAD })
  const { store, ann, holding, hold, settle, accessRequests, giveUp } = rig
  const left = hold('f')
  giveUp('f')
  t.is((await left).kind, 'gone')
  const [first] = store.accessRequests.ofUser(ann.id)
  accessRequests.deny(first?.id ?? '', 'lea@example.com')
  const again = hold('g')
  await settle({ kind: 'user', userId: ann.id })
  const second = holding.ofDevice('d').at(0)?.approval?.requestId ?? ''
  t.true(accessRequests.approve(second, 'lea@example.com').ok)
  t.is((await again).kind, 'decided')
})

const nobodyToAsk: Readonly<Record<string, (rig: ReturnType<typeof start>) => void>> = {
  too_many_requests({ store, ann }) {
    for (let n = 0; n < PENDING_LIMIT; n += 1) {
      const asked = { userId: ann.id, deviceId: 'd', application: `app-${n}`, policy: 'p' }
      store.accessRequests.put(askApproval({ id: `r${n}`, purpose: '', ...asked }, Date.now()))
    }
  },
  policy_changed({ snapshot }) {
    snapshot.replace({ revision: 8, policy: policyWith({ approval: LEAD }, 'another') })
  },
}
for (const [reason, spoil] of Object.entries(nobodyToAsk)) {
  test(`A10 D9: a flow for which nobody can be asked does not wait: ${reason}`, async (t) => {
    const rig = start(t, { approval: LEAD })
    const denial = rig.decide()
    spoil(rig)
    t.deepEqual(await rig.hold('f', denial), { kind: 'over', reason })
    t.deepEqual(rig.holding.ofDevice('d'), [])
    t.deepEqual(rig.told, [])
  })
}
