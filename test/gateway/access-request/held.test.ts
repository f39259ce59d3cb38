/** A flow that waits for a purpose, then for an approval, and goes on: the parts of a gateway put together. */
import { generateKeyPairSync } from 'node:crypto'
import test from 'ava'
import { openAccess } from '../../../gateway/access-store.ts'
import { createEndSignal } from '../../../gateway/enforce/end-signal.ts'
import { gatherFacts } from '../../../gateway/facts/gather.ts'
import { createFlowTable } from '../../../gateway/flow/flow-table.ts'
import { createPolicySnapshot } from '../../../gateway/policy-snapshot.ts'
import { isInteractive } from '../../../gateway/prompt/hold.ts'
import { openPromptAccess } from '../../../gateway/prompt-access-job.ts'
import { openMemoryStore } from '../../../gateway/store/memory-store.ts'
import { everyone, policyOf } from '../../support/policy-builder.ts'
import { memoryLog } from '../../support/tunnel.ts'

const LEAD = { approvers: [{ email: 'lea@example.com' }], valid_for: '1h' }

test('A10 D9: a held flow goes on when its purpose is stated and an approver agrees', async (t) => {
  const asking = { include: everyone, justify: {}, approval: LEAD }
  const policy = policyOf({
    applications: [
      {
        name: 'db',
        destinations: ['db.corp:22'],
        policies: [{ name: 'p', decision: 'allow', ...asking }],
      },
    ],
  })
  const store = openMemoryStore()
  const person = (name: string) =>
    store.users.upsert({
      ...{ provider: 'corp', providerSubject: name, email: `${name}@example.com`, name },
      ...{ groups: [], claims: {}, login: { atMs: 1 } },
    })
  const user = person('ann')
  person('lea')
  const device = { id: 'd', userId: user.id, name: 'laptop', keySha256: 'k', enrolledAtMs: 1 }
  store.devices.insert({ ...device, login: { atMs: 1 } })
  const snapshot = createPolicySnapshot({ revision: 7, policy })
  const { privateKey: signingKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const signing = { signingKey, issuer: 'https://login.example.com' }
  const common = {
    store,
    signing,
    snapshot,
    table: createFlowTable(),
    log: memoryLog(),
    now: Date.now,
  }
  const access = openAccess(common)
  t.teardown(() => access.endAccess())
  const { tell } = access.reconsideration
  const { accessRequests, standing, decider } = access
  const loginUrl = 'https://login.example.com'
  const { holding, prompts } = openPromptAccess({ ...common, accessRequests, loginUrl, tell })
  t.teardown(() => holding.stop())

  const facts = gatherFacts({
    standing: standing({ ...device, login: { atMs: 1 } }, user),
    sourceAddress: '198.51.100.7',
    target: { host: 'db.corp', port: 22 },
  })
  const flow = { id: 'f', deviceId: 'd', userId: user.id, facts, openedAtMs: 1, cut: () => {} }
  t.true(common.table.open(flow).ok)
  const first = decider.decide(facts)
  t.is(first.reason, 'justification_required')
  if (!isInteractive(first)) return t.fail()
  const released = holding.hold({ id: 'f', facts, ended: createEndSignal().signal }, first)

  const [justify] = holding.ofDevice('d')
  if (justify === undefined) return t.fail()
  prompts.justified(justify, user, 'ticket 7')
  const [approval] = holding.ofDevice('d')
  t.like(approval, { remedy: 'approval', approval: { approvers: ['lea@example.com'] } })
  const requestId = approval?.approval?.requestId ?? ''
  t.like(store.accessRequests.get(requestId), { purpose: 'ticket 7', policy: 'p' })
  t.true(accessRequests.approve(requestId, 'lea@example.com').ok)
  const { kind, ...rest } = await released
  t.is(kind, 'decided')
  t.like(rest, { decision: { kind: 'permit', policy: 'p' } })
  return undefined
})
