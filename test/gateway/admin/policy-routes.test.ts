import test from 'ava'
import { stringify } from 'yaml'
import { addPerson, NOW_MS, startAdminRig } from '../../support/admin-rig.ts'
import { factsOf, open, policyOf } from '../../support/policy-builder.ts'

const hr = [{ name: 'hr', decision: 'allow', include: [{ group: 'hr' }] }]
const written = {
  applications: [
    open('wiki', ['wiki.corp:443']),
    { name: 'pay', destinations: ['pay.corp:443'], policies: hr },
  ],
}
const openToAll = stringify({ policy: { applications: [open('pay', ['pay.corp:443'])] } })

async function start(t: Parameters<typeof startAdminRig>[0]) {
  const rig = await startAdminRig(t, { policy: policyOf(written) })
  addPerson(rig.store, 'ann', { groups: ['hr'] })
  addPerson(rig.store, 'bob')
  addPerson(rig.store, 'cat')
  return rig
}

test('A4: one user, as last seen, with the trace', async (t) => {
  const { post } = await start(t)
  const ask = { user: 'bob@example.com', to: 'pay.corp:443' }
  t.like((await post('/api/v1/policy/test', ask)).json, {
    decision: {
      user: 'bob@example.com',
      device: 'bob-laptop',
      inForce: {
        verdict: 'denial',
        reason: 'no_policy_matched',
        revision: 7,
        trace: [{ name: 'pay' }, { name: 'pay/hr', outcome: 'no_match' }],
      },
    },
  })
  t.like((await post('/api/v1/policy/test', { ...ask, policy: openToAll })).json, {
    decision: { inForce: { verdict: 'denial' }, proposed: { verdict: 'permit' } },
  })
})

test('A4: everybody, with counts, percentages and reasons, before and after a change', async (t) => {
  const { post, store } = await start(t)
  store.devices.update('cat-laptop', { revokedAtMs: NOW_MS })
  t.like((await post('/api/v1/policy/test', { to: 'pay.corp:443' })).json, {
    population: {
      total: 2,
      inForce: {
        permitted: 1,
        denied: 1,
        permittedPercent: 50,
        reasons: { allowed_by_policy: 1, no_policy_matched: 1 },
      },
      rows: [{ user: 'ann@example.com' }, { user: 'bob@example.com' }],
    },
  })
  const changed = { to: 'pay.corp:443', policy: openToAll, changed: true }
  const { json } = await post('/api/v1/policy/test', changed)
  t.like(json, {
    population: {
      newlyPermitted: 1,
      newlyDenied: 0,
      proposed: { permittedPercent: 100 },
      rows: [{ user: 'bob@example.com', proposed: { verdict: 'permit' } }],
    },
  })
  t.is((json as { population: { rows: unknown[] } }).population.rows.length, 1)
})

test('A4: a proposed policy is neither stored nor put in force', async (t) => {
  const { post, store } = await start(t)
  await post('/api/v1/policy/test', { to: 'pay.corp:443', policy: openToAll })
  t.is(store.revisions.latest(), undefined)
  t.like(
    (await post('/api/v1/policy/test', { user: 'bob@example.com', to: 'pay.corp:443' })).json,
    {
      decision: { inForce: { verdict: 'denial' } },
    },
  )
})

test('A4: recorded flows are decided again, line by line', async (t) => {
  const { post, store } = await start(t)
  const record = {
    state: 'closed',
    openedAtMs: NOW_MS,
    facts: factsOf('pay.corp:443'),
    verdict: 'denial',
    reason: 'no_policy_matched',
    revision: 7,
  } as const
  for (let index = 0; index < 5100; index++) store.flows.put({ ...record, id: `f${index}` })
  store.flows.put({ ...record, id: 'old', openedAtMs: NOW_MS - 10_000 })
  const { body, status } = await post('/api/v1/policy/replay', {
    policy: openToAll,
    since: new Date(NOW_MS - 5000).toISOString(),
  })
  t.is(status, 200)
  const [progress, report, ...rest] = body.trim().split('\n')
  t.deepEqual(JSON.parse(progress ?? ''), { type: 'progress', flows: 5000 })
  t.like(JSON.parse(report ?? ''), {
    type: 'report',
    flows: 5100,
    newlyAllowed: 5100,
    groups: [
      {
        user: 'alice@example.com',
        application: 'pay',
        flows: 5100,
        lastAt: '2026-11-21T00:00:00.000Z',
      },
    ],
  })
  t.deepEqual(rest, [])
})

const huge = `policy:\n${'  # padding padding padding\n'.repeat(700_000)}`
const refused: Record<string, [path: string, body: unknown, status: number, code: string]> = {
  'T92 an unknown key': ['test', { to: 'a:1', more: 1 }, 400, 'bad_body'],
  'no destination': ['test', { user: 'ann@example.com' }, 400, 'bad_body'],
  'a user nobody knows': ['test', { user: 'x@example.com', to: 'a:1' }, 404, 'no_such_user'],
  'a policy with mistakes': [
    'test',
    { to: 'a:1', policy: 'policy: { applicatons: [] }' },
    400,
    'policy_has_mistakes',
  ],
  'a policy whose tests fail': [
    'test',
    {
      to: 'a:1',
      policy: 'policy: { tests: [{ name: a, subject: {}, to: "a:1", expect: allow }] }',
    },
    400,
    'policy_has_mistakes',
  ],
  'a policy that is no YAML': [
    'replay',
    { policy: '{', since: '2026-01-01T00:00:00Z' },
    400,
    'policy_has_mistakes',
  ],
  'a time that is none': ['replay', { policy: openToAll, since: 'yesterday' }, 400, 'bad_body'],
  'a policy that is too large': ['test', { to: 'a:1', policy: huge }, 413, 'ctp_body_too_large'],
}
for (const [title, [path, body, status, code]] of Object.entries(refused)) {
  test(`A4: refuses ${title}`, async (t) => {
    const { post } = await start(t)
    const answer = await post(`/api/v1/policy/${path}`, body)
    t.is(answer.status, status)
    t.like(answer.json, { error: { code } })
  })
}
