import test from 'ava'
import { addPerson, startAdminRig } from '../../support/admin-rig.ts'
import { everyone, open, policyOf } from '../../support/policy-builder.ts'

const block = { name: 'no-ads', precedence: 1, action: 'block', names: ['ads.corp'] }
const policy = policyOf({
  tunnel: { domains: ['corp'] },
  dns: { rules: [{ ...block, include: everyone, text: 'Ask IT' }] },
  applications: [open('wiki', ['wiki.corp:443']), open('db', ['db.corp:5432'])],
})

test('D12 G12: administrators see what decides on a question, and what is answered', async (t) => {
  const { store, post } = await startAdminRig(t, { policy })
  const device = addPerson(store, 'ann')
  const ask = async (name: string, more: object = {}) =>
    (await post('/api/v1/explain/dns', { user: 'ann@example.com', name, ...more })).json as {
      readonly explanation: { readonly facts: object; readonly trace: readonly object[] }
    }
  const wiki = await ask('Wiki.corp')
  t.like(wiki.explanation, {
    ...{ name: 'wiki.corp', type: 'A', verdict: 'permit', reason: 'name_within_reach' },
    ...{ zone: 'corp', answer: 'NOERROR', records: [{ type: 'A', value: '10.0.0.1' }] },
    ...{ revision: 7, facts: { subject: { email: 'ann@example.com', deviceId: device } } },
  })
  t.false('destination' in wiki.explanation.facts)
  t.deepEqual(wiki.explanation.trace, [{ phase: 'dns', name: 'wiki', outcome: 'matched' }])
  t.like((await ask('ads.corp', { type: 'MX' })).explanation, {
    ...{ type: 'MX', verdict: 'denial', rule: 'no-ads', answer: 'NXDOMAIN' },
    error: { code: 15, text: 'Ask IT' },
  })
  t.like((await ask('db.corp')).explanation, { answer: 'SERVFAIL', error: { code: 22 } })
  t.like((await ask('other.corp')).explanation, { reason: 'name_not_permitted' })
  const outside = (await ask('example.com')).explanation
  t.like(outside, { verdict: 'denial', reason: 'name_not_private' })
  t.false('answer' in outside)
  t.deepEqual(store.dnsLog.list({ limit: 9 }), [])
})

const refused: Record<string, [unknown, number, string]> = {
  'T92 an unknown key': [{ user: 'a@b', name: 'a', more: 1 }, 400, 'bad_body'],
  'no user': [{ name: 'a' }, 400, 'bad_body'],
  'an address': [{ user: 'a@b', name: '10.0.0.1' }, 400, 'bad_body'],
  'no record type': [{ user: 'a@b', name: 'a', type: '443' }, 400, 'bad_body'],
  'a transfer': [{ user: 'a@b', name: 'a', type: 'TYPE252' }, 400, 'bad_body'],
  'a user nobody knows': [{ user: 'a@b', name: 'a' }, 404, 'no_such_user'],
}
for (const [title, [body, status, code]] of Object.entries(refused)) {
  test(`D12 G12: a question of the DNS is not explained: ${title}`, async (t) => {
    const { post } = await startAdminRig(t, { policy })
    const answer = await post('/api/v1/explain/dns', body)
    t.is(answer.status, status)
    t.like(answer.json, { error: { code } })
  })
}
