import { once } from 'node:events'
import test, { type ExecutionContext } from 'ava'
import type { LiveSession } from '../../../gateway/live/live-session.ts'
import { createLiveSessions } from '../../../gateway/live/live-sessions.ts'
import { parsePolicy } from '../../../gateway/policy/parse.ts'
import { UserInput } from '../../../gateway/ssh/relay/user-input.ts'
import { heard } from '../../support/live-ssh.ts'
import { startSshPair } from '../../support/ssh-pair.ts'

const MINUTES = 600_000

/** A client whose session waits for a moderator. */
async function startModerated(t: ExecutionContext, waitMs = MINUTES) {
  const live = createLiveSessions()
  const begun = new Promise<LiveSession>((resolve) => live.onBegun(resolve))
  const pair = await startSshPair([], { deps: { live }, limitsToo: { moderation: { waitMs } } })
  t.teardown(() => pair.stop())
  const client = heard(pair.proxied.start(['target', 'echo up; cat']))
  const session = await begun
  const { moderation } = session
  if (moderation === undefined) throw new Error('not moderated')
  return { ...client, pair, session, moderation }
}

test('S12 T69: a moderated session begins when somebody joins, and its user reads how', async (t) => {
  const { session, moderation, prints, complained, type, client, closed } = await startModerated(t)
  t.false(moderation.isAttended)
  t.is(session.passedOctets, 0)
  moderation.join()
  await prints('up')
  const how = `zt: this session starts when a moderator joins: zt admin ssh-sessions watch ${session.about.id} --moderate`
  t.true(complained().includes(how))
  type('one\n')
  await prints('one')
  client.stdin?.end()
  t.is(await closed, 0)
})

test('S12 T69: when the last moderator leaves no further octet passes, not even one that has come', async (t) => {
  const { pair, moderation, prints, printed, type } = await startModerated(t)
  const leaveFirst = moderation.join()
  const leaveSecond = moderation.join()
  await prints('up')
  leaveFirst()
  leaveFirst()
  type('one\n')
  await prints('one')
  leaveSecond()
  t.false(moderation.isAttended)
  const [user] = pair.gateway.clients
  const [target] = pair.gateway.targets
  const before = target?.bytesWritten
  type('two\n')
  if (user !== undefined) await once(user, 'data')
  t.is(target?.bytesWritten, before)
  t.false(printed().includes('two'))
  moderation.join()
  await prints('two')
})

test('S12 T69: a session that no moderator joins in time ends, and its user reads why', async (t) => {
  const { pair, closed, complained, printed } = await startModerated(t, 50)
  t.is(await closed, 255)
  t.regex(complained(), /zt: no moderator was there in time/)
  t.is(printed(), '')
  t.is((await pair.gateway.lastEnd()).closeReason, 'no_moderator')
})

test('S12 T69: the time that a session waits begins anew when the last moderator leaves', async (t) => {
  const { pair, moderation, prints, closed } = await startModerated(t, 2000)
  const leave = moderation.join()
  await prints('up')
  leave()
  t.is(await closed, 255)
  t.is((await pair.gateway.lastEnd()).closeReason, 'no_moderator')
})

test('S12: a user who gives up while waiting is seen to go', async (t) => {
  const { pair, client, closed } = await startModerated(t)
  client.kill()
  await closed
  t.regex((await pair.gateway.lastEnd()).closeReason, /^(?:done|user_)/)
})

test('S12 T69: what is sent while input is paused is kept in order, and bounded', (t) => {
  const passed: string[] = []
  const input = new UserInput(({ payload }) => void passed.push(payload.toString()))
  const shared = Buffer.alloc(4)
  const send = (text: string) => {
    shared.write(text)
    input.take({ type: 94, payload: shared, framed: shared })
  }
  send('aaaa')
  input.pause()
  send('bbbb')
  send('cccc')
  t.deepEqual(passed, ['aaaa'])
  t.false(input.isFull)
  input.resume()
  send('dddd')
  t.deepEqual(passed, ['aaaa', 'bbbb', 'cccc', 'dddd'])
  input.pause()
  for (let sent = 0; sent < 256 * 1024; sent += 4) send('eeee')
  t.true(input.isFull)
})

test('S12 T69: what ends the session in what was kept stops the rest', (t) => {
  const passed: string[] = []
  const input = new UserInput(({ payload }) => {
    passed.push(payload.toString())
    input.pause()
  })
  input.pause()
  for (const text of ['a', 'b']) {
    const payload = Buffer.from(text)
    input.take({ type: 94, payload, framed: payload })
  }
  input.resume()
  t.deepEqual(passed, ['a'])
})

const wrong: readonly (readonly [string, object, RegExp])[] = [
  ['without moderators', { moderated: true }, /go together/],
  ['that is none, with moderators', { moderators: [{ group: 'leads' }] }, /go together/],
  [
    'that may never be watched',
    { moderated: true, moderators: [{ group: 'leads' }], watch: 'never' },
    /nobody can moderate/,
  ],
  [
    'with moderators of a rule group that is not there',
    { moderated: true, moderators: [{ rule_group: 'leads' }] },
    /there is no rule group "leads"/,
  ],
]
for (const [what, ssh, message] of wrong) {
  test(`S12 T92: a moderated session ${what} is a mistake`, (t) => {
    const application = {
      ...{ name: 'db', destinations: ['db:22'], protocol: 'ssh' },
      ssh: { unix_users: ['root'], ...ssh },
    }
    const parsed = parsePolicy({ applications: [application] })
    t.false(parsed.ok)
    if (!parsed.ok) t.regex(parsed.error.map((one) => one.message).join(), message)
  })
}
