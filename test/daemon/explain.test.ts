import test from 'ava'
import { explainHere, withSteps } from '../../daemon/explain.ts'
import { type FlowState, findWay } from '../../daemon/flow-client.ts'
import { compileRoutes, type Routes } from '../../daemon/route.ts'

const routes = compileRoutes(
  { domains: ['corp'], prefixes: [], others: 'direct' },
  { gateway: [], ownPorts: [1080], refuseOthers: false },
)
const refusing = compileRoutes(
  { domains: ['corp'], prefixes: [], others: 'refuse' },
  { gateway: [], ownPorts: [], refuseOthers: false },
)
const notAsked = () => Promise.reject(new Error('not asked'))
const tunnel = { openFlow: notAsked, openDatagrams: notAsked }
const up: FlowState = { isSettling: false, routes, tunnel }

const answers: Record<string, [host: string, port: number, state: FlowState, wanted: string]> = {
  'what is no destination': ['a b', 1, up, 'bad_destination at destination'],
  'a device that is not enrolled': [
    'wiki.corp',
    443,
    { isSettling: false, reason: 'not_enrolled' },
    'not_enrolled at route',
  ],
  'the proxy itself': ['localhost', 1080, up, 'own_port at route'],
  'others where they are refused': [
    'example.org',
    443,
    { isSettling: false, routes: refusing, tunnel },
    'others_refused at route',
  ],
  'a name that leads nowhere': ['nothing.invalid', 443, up, 'name_not_found at route'],
  'a tunnel that is down': [
    'wiki.corp',
    443,
    { isSettling: false, routes, tunnel: 'gateway_unreachable' },
    'gateway_unreachable at tunnel',
  ],
}

for (const [title, [host, port, state, wanted]] of Object.entries(answers)) {
  test(`D12: the daemon itself says what is wrong with ${title}`, async (t) => {
    const here = await explainHere({ host, port }, state, findWay)
    if (here.kind === 'ask') return t.fail('the gateway is asked')
    const { verdict, reason, steps } = here.explanation
    const failed = steps.filter(({ outcome }) => outcome === 'failed')
    t.is(verdict, 'denial')
    t.is(`${reason} at ${failed.map(({ step }) => step).join()}`, wanted)
    t.is(steps.length, 10)
  })
}

test('D12: a name that leads into a tunnelled prefix is explained as the flow would go', async (t) => {
  const byAddress = compileRoutes(
    { domains: [], prefixes: ['127.0.0.0/8', '::1/128'], others: 'direct' },
    { gateway: [], ownPorts: [], refuseOthers: false },
  )
  const asked = { host: 'localhost', port: 443 }
  const here = await explainHere(asked, { isSettling: false, routes: byAddress, tunnel }, findWay)
  if (here.kind === 'answered') return t.fail(here.explanation.reason)
  t.regex(here.target.host, /^(127\.0\.0\.1|::1)$/)
  t.like(here.steps[1], {
    step: 'route',
    outcome: 'passed',
    detail: `ours, as ${here.target.host}`,
  })
  const said = { verdict: 'permit', reason: 'x', sentence: 'X.', steps: [] } as const
  t.like(withSteps(asked, here.steps, { ...here.target, ...said }), asked)
})

test('D12: a name that leads to our own port is refused, as the flow would be', async (t) => {
  const routeFor: Routes['routeFor'] = ({ host }) =>
    host === 'localhost'
      ? { kind: 'direct', judged: false }
      : { kind: 'refuse', reason: 'own_port' }
  const state: FlowState = { isSettling: false, routes: { ...routes, routeFor }, tunnel }
  const here = await explainHere({ host: 'localhost', port: 1081 }, state, findWay)
  t.like(here, { explanation: { verdict: 'denial', reason: 'own_port' } })
})

test('D12: what goes directly is no matter of the gateway', async (t) => {
  const here = await explainHere({ host: 'localhost', port: 443 }, up, findWay)
  if (here.kind === 'ask') return t.fail('the gateway is asked')
  t.like(here.explanation, { verdict: 'permit', reason: 'direct' })
  t.is(here.explanation.steps.length, 10)
})

test('D12: what is ours is asked of the gateway, and its steps follow', async (t) => {
  const asked = { host: 'wiki.corp', port: 443 }
  const here = await explainHere(asked, up, findWay)
  if (here.kind === 'answered') return t.fail('not asked')
  const answer = {
    host: 'wiki.corp',
    port: 443,
    verdict: 'denial',
    reason: 'x',
    sentence: 'X.',
  } as const
  t.deepEqual(here.target, asked)
  const whole = withSteps(asked, here.steps, {
    ...answer,
    steps: [{ step: 'application', outcome: 'failed' }],
  })
  t.deepEqual(
    whole.steps.map(({ step, outcome }) => `${step} ${outcome}`),
    ['destination passed', 'route passed', 'tunnel passed', 'application failed'],
  )
})
