import test from 'ava'
import { parseAddress } from '#lib/net/address'
import { err, ok } from '#lib/result'
import { type ExplainDeps, explainFlow } from '../../../gateway/enforce/explain-flow.ts'
import { createExplainer } from '../../../gateway/enforce/explainer-client.ts'
import { forAdministrator, forUser } from '../../../gateway/enforce/explanation.ts'
import { createPolicyDecider } from '../../../gateway/enforce/policy-decider.ts'
import type { Facts } from '../../../gateway/policy/facts.ts'
import { createPolicySnapshot } from '../../../gateway/policy-snapshot.ts'
import { denial, permit } from '../../support/decisions.ts'
import { factsOf, open, policyOf } from '../../support/policy-builder.ts'
import { memoryLog } from '../../support/tunnel.ts'

const NOW_MS = 1_000_000_000

const forHr = [{ name: 'hr-only', decision: 'allow', include: [{ group: 'hr' }] }]
const WRITTEN = {
  tunnel: { domains: ['corp'] },
  applications: [
    open('wiki', ['wiki.corp:443']),
    open('literal', ['10.0.0.7:443']),
    open('short', ['short.corp:443'], { session_length: '1h' }),
    { name: 'payroll', destinations: ['pay.corp:443'], policies: forHr },
    {
      name: 'barred',
      destinations: ['barred.corp:443'],
      policies: [{ name: 'no', decision: 'deny', include: [{ group: 'engineers' }] }],
    },
  ],
  network_rules: [
    {
      name: 'nobody',
      precedence: 1,
      action: 'block',
      include: [{ everyone: true }],
      destinations: ['blocked.corp:443'],
    },
  ],
}

/** A decider on `written`, with what it was asked to resolve and dial. */
function rig(
  written: unknown = WRITTEN,
  addresses: readonly string[] = ['10.0.0.1'],
  aliases?: readonly string[],
) {
  const policy = policyOf(written)
  const asked: string[] = []
  const decider = createPolicyDecider(createPolicySnapshot({ revision: 7, policy }), () => NOW_MS)
  const found = addresses.flatMap((text) => {
    const parsed = parseAddress(text)
    return parsed.ok ? [parsed.value] : []
  })
  const [first, ...rest] = found
  const deps: ExplainDeps = {
    decider,
    resolve: async (name) => {
      asked.push(`resolve ${name}`)
      return first === undefined ? err({ reason: 'name_not_found' }) : ok([first, ...rest])
    },
    aliasesOf: async (name) => {
      asked.push(`aliases ${name}`)
      return aliases === undefined ? err({ reason: 'name_not_found' }) : ok(aliases)
    },
    probe: async (to, port) => {
      asked.push(`dial ${to.join(' ')} ${port}`)
      return ok(undefined)
    },
  }
  return { deps, asked }
}

const explainTo = async (to: string, { deps } = rig()) => explainFlow(factsOf(to), deps)
const stepsOf = ({ steps }: ReturnType<typeof forUser>) =>
  steps.map(({ step, outcome }) => `${step} ${outcome}`)

test('D12: what is forbidden and what is not there look alike to users, to the octet', async (t) => {
  const alike = async (written: unknown, to: string) =>
    JSON.stringify(forUser(await explainTo(to, rig(written))))
  for (const host of ['pay.corp', 'barred.corp', 'blocked.corp', 'public.example.org']) {
    const forbidden = await alike(WRITTEN, `${host}:443`)
    t.is(forbidden, await alike({ tunnel: { domains: ['corp'] } }, `${host}:443`), host)
    t.notRegex(forbidden, /payroll|hr-only|nobody|rule/)
  }
})

test('D12: nothing is resolved and nothing dialled for a denial, whatever its cause', async (t) => {
  const one = rig()
  for (const host of ['pay.corp', 'barred.corp', 'blocked.corp', 'nowhere.corp', 'short.corp']) {
    const { verdict } = forUser(await explainTo(`${host}:443`, one))
    t.is(verdict, 'denial', host)
  }
  t.deepEqual(one.asked, [])
})

test('D12: a permit is followed to the address, which is decided on and dialled', async (t) => {
  const one = rig()
  const told = forUser(await explainTo('wiki.corp:443', one))
  t.like(told, { verdict: 'permit', reason: 'allowed_by_policy', application: 'wiki' })
  t.true(told.steps.every(({ outcome }) => outcome === 'passed'))
  t.false('remedy' in told)
  t.deepEqual(one.asked, ['resolve wiki.corp', 'dial 10.0.0.1 443'])
  const literal = rig()
  await explainTo('10.0.0.7:443', literal)
  t.deepEqual(literal.asked, ['dial 10.0.0.7 443'])
})

test('D12 G12: a name that leads to a blocked one is denied before it is resolved', async (t) => {
  const block = { name: 'no-ads', precedence: 1, action: 'block', names: ['ads.test'] }
  const written = { ...WRITTEN, dns: { rules: [{ ...block, include: [{ everyone: true }] }] } }
  const leads = async (aliases?: readonly string[]) => {
    const one = rig(written, ['10.0.0.1'], aliases)
    const { verdict, reason } = forAdministrator(await explainTo('wiki.corp:443', one))
    return [verdict, reason, ...one.asked]
  }
  t.deepEqual(await leads(['ads.test']), ['denial', 'blocked_by_dns_rule', 'aliases wiki.corp'])
  const on = ['aliases wiki.corp', 'resolve wiki.corp', 'dial 10.0.0.1 443']
  t.deepEqual(await leads(['cdn.test']), ['permit', 'allowed_by_policy', ...on])
  t.deepEqual(await leads([]), ['permit', 'allowed_by_policy', ...on])
  t.deepEqual((await leads(undefined)).slice(1), ['name_not_found', 'aliases wiki.corp'])
})

test('D12: only addresses that are permitted are dialled', async (t) => {
  const mixed = rig(WRITTEN, ['169.254.169.254', '10.0.0.2', '10.0.0.7'])
  t.is(forUser(await explainTo('wiki.corp:443', mixed)).verdict, 'permit')
  t.deepEqual(mixed.asked.at(-1), 'dial 10.0.0.2 10.0.0.7 443')
  const never = rig(WRITTEN, ['169.254.169.254'])
  const told = forUser(await explainTo('wiki.corp:443', never))
  t.like(told, { verdict: 'denial', reason: 'address_forbidden' })
  t.true(stepsOf(told).includes('address failed'))
  t.deepEqual(never.asked, ['resolve wiki.corp'])
})

test('D12: the first step that failed is marked, and the rest was not reached', async (t) => {
  const unknown = forUser(await explainTo('nowhere.corp:443'))
  t.deepEqual(stepsOf(unknown).slice(0, 2), ['application failed', 'policy not_reached'])
  const name = forUser(await explainTo('wiki.corp:443', rig(WRITTEN, [])))
  t.like(name, { verdict: 'denial', reason: 'name_not_found' })
  t.deepEqual(stepsOf(name).slice(-3), ['name failed', 'address not_reached', 'reach not_reached'])
  const one = rig()
  const probe: ExplainDeps['probe'] = async () => err({ reason: 'target_timeout' })
  const reach = forUser(await explainTo('wiki.corp:443', { ...one, deps: { ...one.deps, probe } }))
  t.like(reach, { verdict: 'denial', reason: 'target_timeout', application: 'wiki' })
  t.is(stepsOf(reach).at(-1), 'reach failed')
  t.regex(reach.remedy ?? '', /Ask whoever runs/)
})

test('D12: what the user can put right is told with the application, and with the remedy', async (t) => {
  const told = forUser(await explainTo('short.corp:443'))
  t.like(told, { reason: 'session_expired', application: 'short', remedy: 'Run "zt login".' })
  t.true(stepsOf(told).includes('session failed'))
})

test('D12: administrators see cause, trace, facts and revision', async (t) => {
  const told = forAdministrator(await explainTo('pay.corp:443'))
  t.like(told, { reason: 'no_policy_matched', application: 'payroll', revision: 7 })
  t.is(told.trace.length, 2)
  t.is(told.facts.subject.email, 'alice@example.com')
  t.true(stepsOf(told).includes('policy failed'))
  t.is(forAdministrator(await explainTo('blocked.corp:443')).rule, 'nobody')
})

test('D12 A3: evaluators are asked as for a connection, and what they say is told', async (t) => {
  const decide = ({ evaluations }: Facts) =>
    evaluations?.['risk']?.passed === true ? permit : denial('no_policy_matched')
  const explainer = createExplainer({
    ...rig().deps,
    decider: { decide, decideAddress: decide },
    gather: async (facts) => {
      const passed = facts.destination.host === 'wiki.corp'
      return { ...facts, evaluations: { risk: { passed, validUntilMs: NOW_MS + 1 } } }
    },
    dial: async () => err({ reason: 'target_unreachable' }),
    log: memoryLog(),
    now: () => NOW_MS,
  })
  const good = await explainer.forAdministrator(factsOf('wiki.corp:443'))
  t.is(good.reason, 'target_unreachable')
  t.true(good.facts.evaluations?.['risk']?.passed)
  t.is((await explainer.forAdministrator(factsOf('pay.corp:443'))).reason, 'no_policy_matched')
})

test('D12: a device may ask thirty times a minute, whatever the answer; others are not affected', async (t) => {
  const { deps } = rig()
  const explainer = createExplainer({
    ...deps,
    dial: async () => err({ reason: 'target_unreachable' }),
    log: memoryLog(),
    now: () => NOW_MS,
  })
  const ask = (facts: Facts) => explainer.forUser(facts)
  for (let count = 0; count < 30; count++) t.true((await ask(factsOf('nowhere.corp:1'))).ok)
  t.deepEqual(await ask(factsOf('wiki.corp:443')), err({ reason: 'too_many_questions' }))
  t.true((await ask(factsOf('wiki.corp:443', { deviceId: 'another' }))).ok)
})

test('D12 G4: datagrams are decided on to the address, and not tried', async (t) => {
  const udp = { applications: [open('dns', ['ns.corp:53/udp'])] }
  const one = rig(udp)
  const explained = await explainFlow(factsOf('ns.corp:53', { transport: 'udp' }), one.deps)
  const told = forUser(explained)
  t.like(told, { verdict: 'permit', transport: 'udp', application: 'dns' })
  t.is(stepsOf(told).at(-1), 'reach not_reached')
  t.is(stepsOf(told).at(-2), 'address passed')
  t.deepEqual(one.asked, ['resolve ns.corp'])
})
