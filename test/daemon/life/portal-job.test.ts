import test, { type ExecutionContext } from 'ava'
import {
  createPortalWatch,
  type FoundPortal,
  type PortalDeps,
  type WhoAnswers,
} from '../../../daemon/life/portal-job.ts'
import { deferred } from '../../support/deferred.ts'
import { memoryLog } from '../../support/tunnel.ts'

const PORTAL = { host: '10.9.9.9', port: 80, addresses: ['10.9.9.9'] }
const FOUND: FoundPortal = { portal: PORTAL, isBlocked: true }
const LIMIT_MS = 180_000

/** A watch whose gateway is away, with clocks that the test moves. */
function watch(t: ExecutionContext, change: Partial<PortalDeps> = {}) {
  const clock = { wallMs: Date.UTC(2026, 10, 21), steadyMs: 0 }
  const told: string[] = []
  const rig = { isAway: true, answer: { who: 'portal', found: FOUND } as WhoAnswers, back: 0 }
  let onAsked: () => void = () => undefined
  const portal = createPortalWatch({
    ask: async () => {
      setImmediate(() => onAsked())
      return rig.answer
    },
    isAway: () => rig.isAway,
    limitMs: () => LIMIT_MS,
    onGatewayBack: () => {
      rig.back += 1
    },
    tell: (reason, sentence) => told.push(reason, sentence),
    now: () => ({ ...clock }),
    log: memoryLog(),
    ...change,
  })
  t.teardown(() => portal.stop())
  portal.refresh()
  /** Lets it ask once more, and hear the answer. */
  const asked = () =>
    new Promise<void>((resolve) => {
      clock.steadyMs += 10_000
      onAsked = resolve
    })
  const pass = (wallMs: number, steadyMs = wallMs): void => {
    clock.wallMs += wallMs
    clock.steadyMs += steadyMs
  }
  return { portal, rig, told, asked, pass }
}

test('D13: a portal is found and told once; nothing is open', async (t) => {
  const { portal, told, asked } = watch(t)
  t.deepEqual(portal.openNow(), { ok: false, error: { reason: 'no_portal' } })
  await asked()
  t.deepEqual(portal.found, FOUND)
  t.is(portal.open, undefined)
  await asked()
  t.is(told.length, 2)
  t.is(told[0], 'captive_portal')
  t.regex(told[1] ?? '', /10\.9\.9\.9.*zt portal open/)
})

test('D13: what its user opened ends with its time, whatever the clocks do', async (t) => {
  for (const [wallMs, steadyMs] of [
    [LIMIT_MS, 0],
    [0, LIMIT_MS],
  ] as const) {
    const { portal, asked, pass } = watch(t)
    await asked()
    t.true(portal.openNow().ok)
    const { open } = portal
    t.is(open?.portal, PORTAL)
    pass(-1_000, 1)
    t.truthy(portal.open)
    pass(wallMs + 1_000, steadyMs)
    t.is(portal.open, undefined)
    t.is(portal.found?.openUntilMs, undefined)
    portal.refresh()
    t.true(open?.until.aborted)
  }
})

test('D13: a page may open as many connections as it likes', async (t) => {
  const { portal, asked } = watch(t)
  await asked()
  portal.openNow()
  const warned: string[] = []
  const hear = ({ name }: Error): void => void warned.push(name)
  process.on('warning', hear)
  t.teardown(() => process.off('warning', hear))
  for (let n = 0; n < 12; n += 1) portal.open?.until.addEventListener('abort', () => undefined)
  await new Promise(setImmediate)
  t.deepEqual(warned, [])
})

test('D13: it ends as soon as the gateway answers, and when its user closes it', async (t) => {
  const { portal, rig, asked } = watch(t)
  await asked()
  portal.openNow()
  portal.closeNow()
  t.is(portal.open, undefined)
  portal.openNow()
  const { open } = portal
  rig.isAway = false
  portal.refresh()
  t.true(open?.until.aborted)
  t.is(portal.open, undefined)
  t.is(portal.found, undefined)
  t.like(portal.openNow(), { error: { reason: 'no_portal' } })
})

test('D13: the portal that was opened stays the one, though the network names another', async (t) => {
  const { portal, rig, asked } = watch(t)
  await asked()
  portal.openNow()
  const other = { host: '10.1.1.1', port: 80, addresses: ['10.1.1.1'] }
  rig.answer = { who: 'portal', found: { portal: other, isBlocked: true } }
  await asked()
  t.is(portal.found?.portal, other)
  t.is(portal.open?.portal, PORTAL)
})

test('D13: when the gateway answers after a login at the portal the tunnel is told at once', async (t) => {
  const { portal, rig, asked } = watch(t)
  await asked()
  t.is(rig.back, 0)
  rig.answer = { who: 'gateway' }
  await asked()
  await asked()
  t.is(rig.back, 1)
  t.is(portal.found, undefined)
})

const refused: Record<string, [Partial<FoundPortal>, number, string]> = {
  'that nothing blocks': [{ isBlocked: false }, LIMIT_MS, 'portal_not_blocked'],
  'that bears our name': [{ obstacle: 'portal_is_ours' }, LIMIT_MS, 'portal_is_ours'],
  'without an address': [{ obstacle: 'portal_unreachable' }, LIMIT_MS, 'portal_unreachable'],
  'where the time is none': [{}, 0, 'portal_forbidden'],
}
for (const [title, [change, limitMs, reason]] of Object.entries(refused)) {
  test(`D13: a portal ${title} is not opened: ${reason}`, async (t) => {
    const { portal, rig, asked } = watch(t, { limitMs: () => limitMs })
    rig.answer = { who: 'portal', found: { ...FOUND, ...change } }
    await asked()
    t.deepEqual(portal.openNow(), { ok: false, error: { reason } } as never)
    t.is(portal.open, undefined)
  })
}

test('D13: an answer that comes after the gateway is back counts no more', async (t) => {
  const asked = deferred<void>()
  const answer = deferred<WhoAnswers>()
  const ask = (): Promise<WhoAnswers> => {
    asked.resolve()
    return answer.promise
  }
  const { portal, rig, told } = watch(t, { ask })
  await asked.promise
  rig.isAway = false
  portal.refresh()
  answer.resolve({ who: 'portal', found: FOUND })
  await new Promise((resolve) => setImmediate(resolve))
  t.is(portal.found, undefined)
  t.deepEqual(told, [])
})
