import test from 'ava'
import { addPerson, NOW_MS, startAdminRig } from '../../support/admin-rig.ts'
import { open, policyOf } from '../../support/policy-builder.ts'

const policy = policyOf({
  applications: [
    open('wiki', ['wiki.corp:443']),
    {
      name: 'office',
      destinations: ['office.corp:443'],
      policies: [{ name: 'here', decision: 'allow', include: [{ ip_range: '192.0.2.0/24' }] }],
    },
  ],
})

test('D12: administrators explain for anybody, on the device seen last', async (t) => {
  const { store, post } = await startAdminRig(t, { policy })
  const device = addPerson(store, 'ann')
  const { status, json } = await post('/api/v1/explain', {
    user: 'Ann@example.com',
    to: 'wiki.corp:443',
  })
  t.is(status, 200)
  t.like(json, {
    explanation: {
      verdict: 'denial',
      reason: 'name_not_found',
      application: 'wiki',
      revision: 7,
      facts: { subject: { email: 'ann@example.com', deviceId: device } },
    },
  })
})

test('D12: where the tunnel would come from is unknown until it is said', async (t) => {
  const { store, post } = await startAdminRig(t, { policy })
  addPerson(store, 'ann', { lastSeenAtMs: NOW_MS - 1 })
  const ask = { user: 'ann@example.com', to: 'office.corp:443' }
  t.like((await post('/api/v1/explain', ask)).json, {
    explanation: { reason: 'no_policy_matched' },
  })
  t.like((await post('/api/v1/explain', { ...ask, from: '192.0.2.9' })).json, {
    explanation: { application: 'office', reason: 'name_not_found' },
  })
})

const refused: Record<string, [unknown, number, string]> = {
  'T92 an unknown key': [{ user: 'a@b', to: 'a:1', more: 1 }, 400, 'bad_body'],
  'no user': [{ to: 'a:1' }, 400, 'bad_body'],
  'a target without a port': [{ user: 'a@b', to: 'wiki' }, 400, 'bad_body'],
  'a source that is no address': [{ user: 'a@b', to: 'a:1', from: '1.2.3' }, 400, 'bad_body'],
  'a user nobody knows': [{ user: 'a@b', to: 'a:1' }, 404, 'no_such_user'],
  'a device of somebody else': [
    { user: 'ann@example.com', to: 'a:1', device: 'x' },
    404,
    'no_such_device',
  ],
}
for (const [title, [body, status, code]] of Object.entries(refused)) {
  test(`explain refuses ${title}`, async (t) => {
    const { store, post } = await startAdminRig(t)
    addPerson(store, 'ann')
    const answer = await post('/api/v1/explain', body)
    t.is(answer.status, status)
    t.like(answer.json, { error: { code } })
  })
}
