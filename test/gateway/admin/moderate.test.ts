import { once } from 'node:events'
import test, { type ExecutionContext } from 'ava'
import { parseEntry } from '#lib/audit/audit-entry'
import { printRecipient, type RecipientKey } from '#lib/seal/recipient-key'
import type { LiveSession } from '../../../gateway/live/live-session.ts'
import { createLiveSessions } from '../../../gateway/live/live-sessions.ts'
import { Moderation } from '../../../gateway/live/moderation.ts'
import { addPerson, startAdminRig } from '../../support/admin-rig.ts'
import { policyOf } from '../../support/policy-builder.ts'
import { makeRecipient } from '../../support/recording-sample.ts'

const POLICY = policyOf({
  applications: [
    {
      ...{ name: 'db', destinations: ['db1.corp:22'], protocol: 'ssh' },
      ssh: { unix_users: ['root'], moderated: true, moderators: [{ group: 'leads' }] },
    },
  ],
})

/** A session of ann's that waits for a moderator. */
async function startModerated(t: ExecutionContext, { moderated = true } = {}) {
  const live = createLiveSessions()
  const key = await makeRecipient()
  const rig = await startAdminRig(t, {
    policy: POLICY,
    change: { live, recipients: () => ({ output: [key] }) },
  })
  for (const name of ['ann', 'bob', 'eve']) {
    addPerson(rig.store, name, { groups: name === 'eve' ? [] : ['leads'] })
  }
  const [ann] = rig.store.users.byEmail('ann@example.com')
  const moderation = new Moderation(ann?.id ?? '')
  const audited = () =>
    rig.store.audit.lines(0, 100).flatMap((line) => {
      const entry = parseEntry(line)
      return entry?.kind.startsWith('moderator_') ? [entry] : []
    })
  const changes: (readonly [boolean, number])[] = []
  moderation.watch((isAttended) => void changes.push([isAttended, audited().length]))
  const session: LiveSession = {
    about: {
      ...{ id: 'session-1', flowId: 'flow-1', startedAtMs: 0, user: 'ann@example.com' },
      ...{ deviceId: 'd1', unixUser: 'root', host: 'db1.corp', port: 22 },
      ...{ application: 'db', policy: 'staff' },
    },
    ...{ recorded: true, watch: 'told', passedOctets: 0, elapsedMs: 0 },
    ...(moderated && { moderation }),
    note: () => undefined,
    end: () => undefined,
    follow: () => () => undefined,
    tellUser: () => undefined,
  }
  live.add(session)
  return { rig, key, moderation, audited, changes }
}

const path = (key: RecipientKey, email: string) =>
  `/api/v1/ssh-sessions/session-1/watch?recipient=${encodeURIComponent(printRecipient(key))}&moderator=${email}`

test('S12 T69: a moderator is there from the audited join to the audited end of the connection', async (t) => {
  const { rig, key, moderation, audited, changes } = await startModerated(t)
  const view = await rig.open(path(key, 'bob@example.com'))
  t.is(view.statusCode, 200)
  t.true(moderation.isAttended)
  t.like(await rig.get('/api/v1/ssh-sessions'), { json: { sessions: [{ moderator: 'there' }] } })
  const left = new Promise<void>((resolve) => {
    moderation.watch((isAttended) => {
      changes.push([isAttended, audited().length])
      if (!isAttended) setImmediate(resolve)
    })
  })
  view.destroy()
  await left
  t.deepEqual(
    audited().map(({ kind, about }) => [kind, about['moderator'], about['recording']]),
    [
      ['moderator_joined', 'bob@example.com', 'session-1'],
      ['moderator_left', 'bob@example.com', 'session-1'],
    ],
  )
  t.deepEqual(
    changes,
    [
      [false, 0],
      [true, 1],
      [true, 1],
      [false, 1],
    ],
    'audited before it counts; paused before it is audited',
  )
  t.like(await rig.get('/api/v1/ssh-sessions'), { json: { sessions: [{ moderator: 'awaited' }] } })
})

const refused = [
  ['the user of the session', 'ann@example.com', 403, 'own_session'],
  ['somebody whom the policy does not name', 'eve@example.com', 403, 'not_a_moderator'],
  ['somebody who never logged in', 'nobody@example.com', 403, 'not_a_moderator'],
  ['nobody', '', 403, 'not_a_moderator'],
] as const
for (const [who, email, status, code] of refused) {
  test(`S12 T69: ${who} moderates nothing`, async (t) => {
    const { rig, key, moderation, audited } = await startModerated(t)
    const answer = await rig.get(path(key, email))
    t.is(answer.status, status)
    t.like(answer.json, { error: { code } })
    t.false(moderation.isAttended)
    t.deepEqual(audited(), [])
  })
}

test('S12 T69: the user of a session does not moderate it by another login of the same person', async (t) => {
  const { rig, key, moderation } = await startModerated(t)
  const [ann] = rig.store.users.byEmail('ann@example.com')
  if (ann !== undefined) {
    rig.store.users.upsert({ ...ann, email: 'ann.other@example.com', login: { atMs: 1 } })
  }
  const { json } = await rig.get(path(key, 'ann.other@example.com'))
  t.like(json, { error: { code: 'own_session' } })
  t.false(moderation.isAttended)
})

test('S12 T69: a session that is not moderated takes no moderator', async (t) => {
  const { rig, key } = await startModerated(t, { moderated: false })
  const { status, json } = await rig.get(path(key, 'bob@example.com'))
  t.is(status, 409)
  t.like(json, { error: { code: 'not_moderated' } })
})

test('S12: who only watches does not moderate', async (t) => {
  const { rig, key, moderation } = await startModerated(t)
  const view = await rig.open(path(key, '').replace('&moderator=', ''))
  t.is(view.statusCode, 200)
  t.false(moderation.isAttended)
  view.destroy()
  await once(view, 'close')
})
