import test, { type ExecutionContext } from 'ava'
import { err } from '#lib/result'
import { createEndSignal } from '../../../gateway/enforce/end-signal.ts'
import { createFlowTable } from '../../../gateway/flow/flow-table.ts'
import { startReconsideration } from '../../../gateway/flow/reconsider-job.ts'
import type { LoginContext } from '../../../gateway/identity/identity.ts'
import type { Decision } from '../../../gateway/policy/decision.ts'
import type { Facts } from '../../../gateway/policy/facts.ts'
import type { OpenPrompt } from '../../../gateway/prompt/hold.ts'
import { startHolding } from '../../../gateway/prompt/hold-job.ts'
import { createPromptDesk } from '../../../gateway/prompt/prompt-desk.ts'
import type { Device, User } from '../../../gateway/store/store.ts'
import { loginDenial } from '../../support/asked.ts'
import { denial, permit } from '../../support/decisions.ts'
import { sampleFacts } from '../../support/sample-facts.ts'
import { memoryLog } from '../../support/tunnel.ts'

const NOW_MS = 1_000_000
const USER: User = {
  id: 'user-1',
  provider: 'corp',
  providerSubject: '1',
  email: 'ann@example.com',
  name: 'Ann',
  groups: [],
  claims: {},
  lastLoginAtMs: 0,
}

/** A desk over a real table; `decide` says what a flow of this device comes to, by its login. */
function startDesk(
  t: ExecutionContext,
  decide: (facts: Facts) => Decision,
  { waitMs = 60_000, gather }: { waitMs?: number; gather?: (facts: Facts) => Promise<Facts> } = {},
) {
  const table = createFlowTable()
  let device: Device = {
    ...{ id: 'device-1', userId: 'user-1', name: 'laptop', keySha256: 'k' },
    ...{ enrolledAtMs: 0, login: { atMs: 0 } },
  }
  const common = { table, log: memoryLog(), now: () => NOW_MS }
  const refresh = ({ facts }: { readonly facts: Facts }) => ({
    ...facts,
    subject: { ...facts.subject, login: device.login },
  })
  const { tell, settle, stop } = startReconsideration({
    ...{ ...common, decide, refresh },
    ...(gather !== undefined && { gather }),
  })
  const holding = startHolding({
    requestApproval: () => err('policy_changed'),
    isDenied: () => false,
    ...common,
    ...{ loginOrigin: 'https://login.example.com', waitMs: () => waitMs },
    device: (id) => (id === device.id ? device : undefined),
    now: Date.now,
  })
  t.teardown(stop)
  t.teardown(() => holding.stop())
  const purposes: string[] = []
  const desk = createPromptDesk({
    ...{ holding, settle, now: common.now },
    device: (id) => (id === device.id ? device : undefined),
    keepLogin: (_id, login) => {
      device = { ...device, login }
    },
    keepPurpose: (_prompt, purpose) => purposes.push(purpose),
  })
  const happened: string[] = []
  holding.watch({
    onAsked: ({ remedy }, { host }) => happened.push(`${remedy} ${host}`),
    onEnded: ({ remedy }, outcome) => happened.push(`${remedy} ${outcome}`),
  })
  const hold = (id: string, facts = sampleFacts()) => {
    const { signal: ended, raise } = createEndSignal()
    const asked: OpenPrompt[] = []
    const { deviceId, userId } = facts.subject
    const flow = { id, deviceId, userId, facts, openedAtMs: 0, cut: raise }
    t.true(table.open(flow).ok)
    const onAsked = (prompt: OpenPrompt) => asked.push(prompt)
    const released = holding.hold({ id, facts, ended, onAsked }, loginDenial)
    return { released, raise, asked }
  }
  const prompt = (): OpenPrompt => {
    const [one] = holding.ofDevice('device-1')
    if (one === undefined) throw new Error('no prompt')
    return one
  }
  return { desk, table, hold, prompt, happened, purposes, login: () => device.login, tell }
}

const afterLogin = ({ subject }: Facts): Decision =>
  (subject.login?.atMs ?? 0) > 0 ? permit : loginDenial
const LOGIN: LoginContext = { atMs: NOW_MS - 1 }

test('D9: a login lets every flow of the device go on that it is enough for', async (t) => {
  const { desk, hold, prompt, happened, table, login } = startDesk(t, afterLogin)
  const first = hold('f1')
  const second = hold(
    'f2',
    sampleFacts({ destination: { ...sampleFacts().destination, host: 'x' } }),
  )
  const { id, url } = prompt()
  t.regex(id, /^[\w-]{22}$/)
  t.is(url, `https://login.example.com/prompt/${id}`)
  t.like(desk.find(id), { id: first.asked[0]?.id, userId: 'user-1' })
  t.deepEqual(await desk.loggedIn(prompt(), USER, LOGIN), { ok: true, value: undefined })
  t.like(await first.released, { kind: 'decided', decision: permit })
  t.like(await second.released, { facts: { subject: { login: LOGIN } } })
  t.deepEqual(happened, ['login wiki.corp.internal', 'login x', 'login satisfied'])
  t.deepEqual(login(), LOGIN)
  t.is(desk.find(id), undefined)
  t.is(table.get('f1')?.held, undefined)
})

test('D9 A3: the desk answers when evaluators have been asked about the login', async (t) => {
  const gather = async (facts: Facts) => facts
  const { desk, hold, prompt } = startDesk(t, afterLogin, { gather })
  const { released } = hold('f1')
  t.deepEqual(await desk.loggedIn(prompt(), USER, LOGIN), { ok: true, value: undefined })
  t.like(await released, { kind: 'decided', decision: permit })
})

test('D9: only the user of the registration ends a prompt; the flow stays held', async (t) => {
  const { desk, hold, prompt, login } = startDesk(t, afterLogin)
  const { released } = hold('f1')
  const other = { ...USER, id: 'user-2' }
  const before = prompt()
  t.deepEqual(await desk.loggedIn(before, other, LOGIN), { ok: false, error: 'different_user' })
  t.deepEqual(await desk.justified(before, other, 'x'), { ok: false, error: 'different_user' })
  t.deepEqual(prompt(), before)
  t.deepEqual(login(), { atMs: 0 })
  t.true((await desk.loggedIn(before, USER, LOGIN)).ok)
  t.is((await released).kind, 'decided')
  t.deepEqual(await desk.loggedIn(before, USER, LOGIN), { ok: false, error: 'prompt_expired' })
})

test('D9: a login that is not enough is refused with the reason, and the flow stays held', async (t) => {
  const { desk, hold, prompt, login } = startDesk(t, () => loginDenial)
  hold('f1')
  const asks = { ...prompt(), maxAgeSeconds: 10 }
  t.deepEqual(await desk.loggedIn(asks, USER, LOGIN), { ok: false, error: 'login_too_weak' })
  t.deepEqual(login(), LOGIN)
  t.deepEqual(await desk.loggedIn(asks, USER, { atMs: 5 }), { ok: false, error: 'login_too_weak' })
  t.deepEqual(login(), LOGIN, 'an older login changes nothing')
  t.is(prompt().id, asks.id)
})

test('D9: what a program that gave up had asked for is still done, and then asked no more', async (t) => {
  const { desk, hold, prompt, happened } = startDesk(t, afterLogin)
  const { released, raise } = hold('f1')
  raise()
  t.deepEqual(await released, { kind: 'gone' })
  const { id } = prompt()
  t.true((await desk.loggedIn(prompt(), USER, LOGIN)).ok)
  t.is(desk.find(id), undefined)
  t.deepEqual(happened.at(-1), 'login satisfied')
})

test('D9: another thing that is wanted then is another prompt; nothing to be done ends it at once', async (t) => {
  let next: Decision = { ...loginDenial, remedy: 'justify' }
  const { desk, hold, prompt, happened, purposes, tell } = startDesk(t, () => next)
  const { released, asked } = hold('f1')
  const login = prompt()
  t.true((await desk.loggedIn(login, USER, LOGIN)).ok)
  const justify = prompt()
  t.not(justify.id, login.id)
  t.deepEqual(
    asked.map(({ remedy }) => remedy),
    ['login', 'justify'],
  )
  t.false((await desk.justified(justify, USER, 'incident 7')).ok)
  t.deepEqual(purposes, ['incident 7'])
  next = denial('denied_by_policy')
  tell({ kind: 'everything' })
  t.like(await released, { kind: 'decided', decision: next })
  t.deepEqual(
    happened.filter((one) => !one.includes('internal')),
    ['login satisfied', 'justify refused'],
  )
})

test('D9: the time is over for each flow by itself, with the reason', async (t) => {
  const { hold, happened, table } = startDesk(t, afterLogin, { waitMs: 20 })
  const { released } = hold('f1')
  t.deepEqual(await released, { kind: 'over', reason: 'prompt_expired' })
  t.is(table.get('f1')?.held, undefined)
  t.deepEqual(happened, ['login wiki.corp.internal', 'login expired'])
})
