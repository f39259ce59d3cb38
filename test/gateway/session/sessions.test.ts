import test from 'ava'
import fc from 'fast-check'
import type { AccessChange } from '../../../gateway/access-change.ts'
import { stateOf } from '../../../gateway/session/app-session.ts'
import {
  createRevocations,
  type RevocationScope,
  scopeKey,
} from '../../../gateway/session/revocation.ts'
import { openSessions } from '../../../gateway/session/sessions-store.ts'
import { openMemoryStore } from '../../../gateway/store/memory-store.ts'
import { permit } from '../../support/decisions.ts'
import { sampleFacts } from '../../support/sample-facts.ts'
import { memoryLog } from '../../support/tunnel.ts'

const factsAt = (atMs: number) => {
  const facts = sampleFacts()
  return { ...facts, subject: { ...facts.subject, login: { atMs } } }
}

function setUp(nowMs = 1_000_000) {
  const clock = { nowMs }
  const store = openMemoryStore()
  const log = memoryLog()
  const open = () => openSessions({ store, log, now: () => clock.nowMs })
  return { clock, store, open, sessions: open() }
}

test('A5: one session for each device, application and login, and a restart keeps it', (t) => {
  const { store, sessions, open } = setUp()
  const first = sessions.used(permit, factsAt(1))
  t.is(sessions.used(permit, factsAt(1))?.id, first?.id)
  t.is(open().used(permit, factsAt(1))?.id, first?.id)
  const other = sessions.used({ ...permit, application: 'db' }, factsAt(1))
  const again = sessions.used(permit, factsAt(2))
  t.is(new Set([first?.id, other?.id, again?.id]).size, 3)
  t.is(store.appSessions.list({}).length, 3)
})

test('A5: a session that begins has those forgotten that were not used for 30 days', (t) => {
  const { clock, store, sessions } = setUp()
  for (let day = 0; day < 100; day++) {
    clock.nowMs += 86_400_000
    sessions.used(permit, factsAt(clock.nowMs))
  }
  t.is(store.appSessions.list({}).length, 31)
})

test('A5: a permit of no application, or without a login, makes no session', (t) => {
  const { store, sessions } = setUp()
  const { application: _, ...byRule } = permit
  t.is(sessions.used(byRule, factsAt(1)), undefined)
  t.is(sessions.used(permit, sampleFacts()), undefined)
  t.deepEqual(store.appSessions.list({}), [])
})

test('A5: the last use is kept to the minute, the end at once', (t) => {
  const { clock, store, sessions } = setUp()
  const lastUse = () => store.appSessions.list({})[0]
  sessions.used(permit, factsAt(1))
  clock.nowMs += 59_000
  sessions.used(permit, factsAt(1))
  t.is(lastUse()?.lastUsedAtMs, 1_000_000)
  clock.nowMs += 1_000
  sessions.used(permit, factsAt(1))
  t.is(lastUse()?.lastUsedAtMs, 1_060_000)
  sessions.used({ ...permit, sessionEndsAtMs: 7 }, factsAt(1))
  t.is(lastUse()?.endsAtMs, 7)
  sessions.used(permit, factsAt(1))
  t.is(lastUse()?.endsAtMs, undefined)
})

const revocations: Record<string, [RevocationScope, object | undefined, AccessChange['kind']]> = {
  'a user': [{ kind: 'user', userId: 'user-1' }, { allMs: 1_000_000, applicationMs: {} }, 'user'],
  'a device': [
    { kind: 'device', deviceId: 'device-1' },
    { allMs: 1_000_000, applicationMs: {} },
    'device',
  ],
  'an application': [
    { kind: 'application', application: 'a:b' },
    { applicationMs: { 'a:b': 1_000_000 } },
    'application',
  ],
  'one session': [
    { kind: 'application_session', deviceId: 'device-1', application: 'a:b' },
    { applicationMs: { 'a:b': 1_000_000 } },
    'device',
  ],
  'another user': [{ kind: 'user', userId: 'user-2' }, undefined, 'user'],
  'another device': [{ kind: 'device', deviceId: 'device-2' }, undefined, 'device'],
}
for (const [title, [scope, wanted, change]] of Object.entries(revocations)) {
  test(`A5: revoking the sessions of ${title} counts at once and after a restart`, (t) => {
    const { sessions, open } = setUp()
    t.is(sessions.revoke(scope).kind, change)
    const whose = { deviceId: 'device-1', userId: 'user-1' }
    t.deepEqual(sessions.loginsNotBefore(whose), wanted)
    t.deepEqual(open().loginsNotBefore(whose), wanted)
  })
}

test('A5: of two revocations of one scope the later counts, in any order', (t) => {
  const scope = scopeKey({ kind: 'user', userId: 'u' })
  fc.assert(
    fc.property(fc.array(fc.nat(), { minLength: 1 }), (times) => {
      const all = createRevocations(times.map((notBeforeMs) => ({ scope, notBeforeMs })))
      const latest = Math.max(...times)
      t.is(all.of({ deviceId: 'd', userId: 'u' })?.allMs, latest === 0 ? undefined : latest)
    }),
  )
})

test('A5: a session is alive, expired or revoked', (t) => {
  const session = {
    ...{ id: 's', deviceId: 'd', userId: 'u', application: 'wiki', login: { atMs: 10 } },
    ...{ startedAtMs: 11, lastUsedAtMs: 12, endsAtMs: 20 },
  }
  t.is(stateOf(session, {}, 19), 'alive')
  t.is(stateOf(session, {}, 20), 'expired')
  t.is(stateOf(session, { allMs: 10 }, 19), 'revoked')
  t.is(stateOf(session, { applicationMs: { wiki: 10 } }, 19), 'revoked')
  t.is(stateOf(session, { applicationMs: { other: 10 } }, 19), 'alive')
  t.is(stateOf(session, { allMs: 9 }, 19), 'alive')
})
