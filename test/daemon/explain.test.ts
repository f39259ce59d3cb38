import test from 'ava'
import { explainHere, withSteps } from '../../daemon/explain.ts'
import type { FlowState } from '../../daemon/flow-client.ts'
import { compileRoutes } from '../../daemon/route.ts'

const routes = compileRoutes(
  { domains: ['corp'], prefixes: [], others: 'direct' },
  { gateway: [], ownPorts: [1080], refuseOthers: false },
)
const refusing = compileRoutes(
  { domains: ['corp'], prefixes: [], others: 'refuse' },
  { gateway: [], ownPorts: [], refuseOthers: false },
)
const tunnel = { openFlow: () => Promise.reject(new Error('not asked')) }
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
  'a tunnel that is down': [
    'wiki.corp',
    443,
    { isSettling: false, routes, tunnel: 'gateway_unreachable' },
    'gateway_unreachable at tunnel',
  ],
}
for (const [title, [host, port, state, wanted]] of Object.entries(answers)) {
  test(`D12: the daemon itself says what is wrong with ${title}`, (t) => {
    const here = explainHere({ host, port }, state)
    if (here.kind === 'ask') return t.fail('the gateway is asked')
    const { verdict, reason, steps } = here.explanation
    const failed = steps.filter(({ outcome }) => outcome === 'failed')
    t.is(verdict, 'denial')
    t.is(`${reason} at ${failed.map(({ step }) => step).join()}`, wanted)
    t.is(steps.length, 10)
  })
}

test('D12: what goes directly is no matter of the gateway', (t) => {
  const here = explainHere({ host: 'example.org', port: 443 }, up)
  if (here.kind === 'ask') return t.fail('the gateway is asked')
  t.like(here.explanation, { verdict: 'permit', reason: 'direct' })
  t.is(here.explanation.steps.length, 10)
})

test('D12: what is ours is asked of the gateway, and its steps follow', (t) => {
  const here = explainHere({ host: 'wiki.corp', port: 443 }, up)
  if (here.kind === 'answered') return t.fail('not asked')
  const answer = {
    host: 'wiki.corp',
    port: 443,
    verdict: 'denial',
    reason: 'x',
    sentence: 'X.',
  } as const
  const whole = withSteps(here.steps, {
    ...answer,
    steps: [{ step: 'application', outcome: 'failed' }],
  })
  t.deepEqual(
    whole.steps.map(({ step, outcome }) => `${step} ${outcome}`),
    ['destination passed', 'route passed', 'tunnel passed', 'application failed'],
  )
})
