import test from 'ava'
import { printRecipient, type RecipientKey } from '#lib/seal/recipient-key'
import type { LiveSession, SessionTap } from '../../../gateway/live/live-session.ts'
import { createLiveSessions } from '../../../gateway/live/live-sessions.ts'
import { startAdminRig } from '../../support/admin-rig.ts'
import { makeRecipient, readAll } from '../../support/recording-sample.ts'

const ABOUT = {
  ...{ id: 'session-1', flowId: 'flow-1', startedAtMs: 0, user: 'ann@example.com' },
  ...{ deviceId: 'd1', unixUser: 'root', host: 'db1.corp', port: 22 },
  ...{ application: 'db', policy: 'staff' },
}

/** A session in which one word is printed as soon as somebody watches. */
function sessionIn(change: Partial<LiveSession> = {}) {
  const done: string[] = []
  const session: LiveSession = {
    ...{ about: ABOUT, recorded: true, watch: 'told', passedOctets: 7, elapsedMs: 0 },
    note: () => undefined,
    end: (reason) => void done.push(reason),
    follow(tap: SessionTap) {
      setImmediate(() => {
        tap.data(0, 'output', Buffer.from('hello'))
        tap.end()
      })
      return () => undefined
    },
    tellUser: (reason) => void done.push(reason),
    ...change,
  }
  const live = createLiveSessions()
  live.add(session)
  return { live, done }
}

const watchPath = (key: RecipientKey, id = 'session-1') =>
  `/api/v1/ssh-sessions/${id}/watch?recipient=${encodeURIComponent(printRecipient(key))}`

test('S12: sessions that go on are listed and ended', async (t) => {
  const { live, done } = sessionIn()
  const rig = await startAdminRig(t, { change: { live } })
  const { json } = await rig.get('/api/v1/ssh-sessions')
  t.like(json, {
    sessions: [{ id: 'session-1', user: 'ann@example.com', passedOctets: 7, watch: 'told' }],
  })
  t.is((await rig.post('/api/v1/ssh-sessions/session-1/end', {})).status, 200)
  t.deepEqual(done, ['ended_by_administrator'])
  t.is((await rig.post('/api/v1/ssh-sessions/other/end', {})).status, 404)
})

test('S12: a session is watched by a recipient of recordings, and its user is told', async (t) => {
  const key = await makeRecipient()
  const { live, done } = sessionIn()
  const rig = await startAdminRig(t, { change: { live, recipients: () => ({ output: [key] }) } })
  const { status, octets: bytes } = await rig.get(watchPath(key))
  t.is(status, 200)
  t.false(bytes.includes('hello'))
  const { frames, tail } = await readAll(bytes, [key])
  const texts = frames.flatMap((one) =>
    'stream' in one ? [Buffer.from(one.bytes).toString()] : [],
  )
  t.deepEqual(texts, ['hello'])
  t.true(tail.ended)
  t.deepEqual(done, ['session_watched'])
})

test('S12: where policy says silent nobody is told', async (t) => {
  const key = await makeRecipient()
  const { live, done } = sessionIn({ watch: 'silent' })
  const rig = await startAdminRig(t, { change: { live, recipients: () => ({ output: [key] }) } })
  t.is((await rig.get(watchPath(key))).status, 200)
  t.deepEqual(done, [])
})

test('S12 T64: nobody else may watch', async (t) => {
  const [key, other] = [await makeRecipient(), await makeRecipient()]
  const recipients = () => ({ output: [key] })
  const { live, done } = sessionIn()
  const rig = await startAdminRig(t, { change: { live, recipients } })
  const never = await startAdminRig(t, {
    change: { live: sessionIn({ watch: 'never' }).live, recipients },
  })
  const unlisted = await startAdminRig(t, { change: { live } })
  const refused = async ({ get }: typeof rig, path: string) => {
    const { status, json } = await get(path)
    return [status, (json as { error: { code: string } }).error.code]
  }
  t.deepEqual(await refused(rig, watchPath(other)), [403, 'not_a_recipient'])
  t.deepEqual(await refused(unlisted, watchPath(key)), [403, 'not_a_recipient'])
  t.deepEqual(await refused(never, watchPath(key)), [403, 'watching_not_allowed'])
  t.deepEqual(await refused(rig, watchPath(key, 'gone')), [404, 'no_such_ssh_session'])
  const bare = '/api/v1/ssh-sessions/session-1/watch'
  t.deepEqual(await refused(rig, bare), [400, 'bad_recipient'])
  t.deepEqual(await refused(rig, `${bare}?recipient=x`), [400, 'bad_recipient'])
  t.deepEqual(done, [])
})
