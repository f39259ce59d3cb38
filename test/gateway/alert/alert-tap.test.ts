import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import type { LogFields } from '#lib/log'
import type { Alert } from '../../../gateway/alert/alert.ts'
import { watchForAlerts } from '../../../gateway/alert/alert-tap.ts'
import { looksAtCommands } from '../../../gateway/alert/session-alerts.ts'
import { readTypedCommands } from '../../../gateway/live/command-feed-job.ts'
import { createLiveSessions } from '../../../gateway/live/live-sessions.ts'
import { DEFAULT_SSH_GRANT } from '../../../gateway/policy/ssh-grant.ts'
import { alertRules } from '../../support/alert-rule.ts'
import { heard } from '../../support/live-ssh.ts'
import { forwardsTo } from '../../support/relay-rig.ts'
import { startSshPair } from '../../support/ssh-pair.ts'

/** A target behind a gateway whose policy has these rules. */
async function startAlerts(t: ExecutionContext, ...written: readonly object[]) {
  const live = createLiveSessions()
  const rules = alertRules(...written)
  const alerts: Alert[] = []
  const audited: LogFields[] = []
  const logged: LogFields[] = []
  const logins: string[] = []
  const write = (fields: LogFields) => void logged.push(fields)
  watchForAlerts(live, {
    rules: () => rules,
    audit: { note: (kind, about) => void audited.push({ kind, ...about }) },
    send: (alert) => void alerts.push(alert),
    requireLogin: (...whose) => void logins.push(whose.join(' ')),
    log: { info: write, warn: write, error: write },
    now: Date.now,
  })
  const feed = readTypedCommands(live, {
    isNeeded: () => looksAtCommands('db', rules),
    log: { info: write, warn: write, error: write },
  })
  const grants = [{ ...DEFAULT_SSH_GRANT, localForward: forwardsTo('*:*') }] as const
  const pair = await startSshPair([], { deps: { live }, limitsToo: { grants } })
  const folder = mkdtempSync(join(tmpdir(), 'zt-alert-'))
  t.teardown(async () => {
    await pair.stop()
    await feed.stop()
    rmSync(folder, { recursive: true })
  })
  return { pair, folder, alerts, audited, logged, logins }
}

test('S12: an alert that reports is recorded, audited, logged and sent, and the command runs', async (t) => {
  const { pair, alerts, audited, logged } = await startAlerts(t, {
    exec: ['*marker-*'],
    name: 'markers',
  })
  const { code, stdout } = await pair.proxied.ssh(['target', 'echo marker-1'])
  t.deepEqual([code, String(stdout)], [0, 'marker-1\n'])
  await pair.gateway.lastEnd()
  const [session = ''] = pair.gateway.sessions
  const frames = await pair.gateway.frames(session)
  const recorded = frames.flatMap((frame) =>
    'event' in frame && frame.event.type === 'alert' ? [frame] : [],
  )
  t.deepEqual(
    recorded.map(({ event }) => event),
    [{ type: 'alert', channel: -1, rule: 'markers', action: 'report' }],
  )
  const [alert] = alerts
  t.like(alert, {
    ...{ type: 'ssh_alert', rule: 'markers', action: 'report', match: 'exec', session },
    ...{ user: 'ann@example.com', application: 'db', host: 'db1.corp.internal', unixUser: 'root' },
    ...{ flowId: 'flow-1', text: undefined },
  })
  const recordedMs = (recorded[0]?.timeUs ?? 0) / 1000
  t.true(Math.abs(recordedMs - (alert?.offsetMs ?? 0)) < 20, 'the offset leads to the place')
  t.like(audited, [{ kind: 'ssh_alert', rule: 'markers', recording: session, match: 'exec' }])
  t.true(logged.some(({ rule, session: of }) => rule === 'markers' && of === session))
  t.notRegex(JSON.stringify([audited, logged, alerts]), /marker-1/, 'never with its text')
})

test('S12: only a rule that says so tells the text', async (t) => {
  const { pair, alerts, audited, logged } = await startAlerts(t, {
    exec: ['*marker-*'],
    include_text: true,
  })
  await pair.proxied.ssh(['target', 'echo marker-2'])
  t.is(alerts[0]?.text, 'echo marker-2')
  t.notRegex(JSON.stringify([audited, logged]), /marker-2/)
})

test('S12: a rule that ends keeps the command from the target, and the user reads why', async (t) => {
  const { pair, folder, alerts } = await startAlerts(t, { exec: ['touch *'], action: 'end' })
  const trace = join(folder, 'trace')
  const { code, stderr } = await pair.proxied.ssh(['target', `touch ${trace}`])
  t.is(code, 255)
  t.regex(String(stderr), /zt: a rule of your organisation ended this session/)
  t.is((await pair.gateway.lastEnd()).closeReason, 'ended_by_alert')
  t.false(existsSync(trace))
  t.is(alerts.length, 1)
  await pair.direct.ssh(['target', `touch ${trace}`])
  t.true(existsSync(trace), 'it would have left a trace')
})

test('S12: a rule on files ends before a file is removed or read', async (t) => {
  const { pair, folder, alerts } = await startAlerts(t, {
    sftp: [tmpdir()],
    action: 'end',
    include_text: true,
  })
  const file = join(folder, 'kept')
  writeFileSync(file, 'secret')
  const sftp = (line: string) =>
    pair.proxied.run(['sftp', '-q', '-b', '-', '-F', pair.proxied.config, 'target'], `${line}\n`)
  const removed = await sftp(`rm ${file}`)
  t.not(removed.code, 0)
  t.true(existsSync(file))
  t.is(alerts[0]?.text, file)
  const read = await sftp(`get ${file} ${file}.copy`)
  t.not(read.code, 0)
  t.false(existsSync(`${file}.copy`))
})

test('S12: a rule on destinations ends before the target dials', async (t) => {
  const { pair, alerts } = await startAlerts(t, { forward: ['127.0.0.1:*'], action: 'end' })
  const { stdout } = await pair.proxied.ssh(['-W', `127.0.0.1:${pair.sshd.port}`, 'target'])
  t.is(stdout.length, 0)
  t.is(alerts[0]?.match, 'forward')
  t.is((await pair.gateway.lastEnd()).closeReason, 'ended_by_alert')
})

test('S12: a rule on volume lets no more out than it says', async (t) => {
  const { pair, alerts } = await startAlerts(t, { download: '1MiB', action: 'end' })
  const { stdout } = await pair.proxied.ssh(['target', 'head -c 4000000 /dev/zero'])
  t.true(stdout.length <= 2 ** 20)
  t.is(alerts[0]?.match, 'download')
})

test('S12: a rule that asks for a login ends the session and spends the login', async (t) => {
  const { pair, logins } = await startAlerts(t, { upload: '1KiB', action: 'require_login' })
  const client = heard(pair.proxied.start(['target', 'echo up; cat >/dev/null']))
  await client.prints('up')
  client.type('x'.repeat(2000))
  t.is(await client.closed, 255)
  t.regex(client.complained(), /log in again to go on/)
  t.is((await pair.gateway.lastEnd()).closeReason, 'login_required_by_alert')
  t.is(logins.length, 1)
  t.regex(logins[0] ?? '', / db$/)
})

test('S12: a rule on typed commands sees what a terminal shows', async (t) => {
  const { pair, alerts } = await startAlerts(t, {
    ...{ command: ['*marker-typed*'], action: 'end', include_text: true },
  })
  const client = heard(pair.proxied.start(['-tt', 'target', 'PS1="ready> " exec sh -i']))
  await client.prints('ready>')
  client.type('true marker-typed\n')
  t.is(await client.closed, 255)
  t.like(alerts, [{ match: 'command', text: 'true marker-typed' }])
})

test('S12: a rule of another application says nothing', async (t) => {
  const rule = { ...alertRules({ exec: ['*'] })[0], applications: ['other'] }
  const live = createLiveSessions()
  watchForAlerts(live, {
    rules: () => [rule as never],
    audit: { note: () => t.fail() },
    send: () => t.fail(),
    requireLogin: () => t.fail(),
    log: { info: () => {}, warn: () => {}, error: () => {} },
    now: Date.now,
  })
  const pair = await startSshPair([], { deps: { live } })
  t.teardown(() => pair.stop())
  t.is((await pair.proxied.ssh(['target', 'true'])).code, 0)
})

test('S12 T68: what cannot be audited ends the session', async (t) => {
  const live = createLiveSessions()
  const rules = alertRules({ exec: ['*'] })
  watchForAlerts(live, {
    rules: () => rules,
    audit: {
      note() {
        throw new Error('disk full')
      },
    },
    send: () => t.fail(),
    requireLogin: () => t.fail(),
    log: { info: () => {}, warn: () => {}, error: () => {} },
    now: Date.now,
  })
  const pair = await startSshPair([], { deps: { live } })
  t.teardown(() => pair.stop())
  const { code, stdout } = await pair.proxied.ssh(['target', 'echo ran'])
  t.deepEqual([code, String(stdout)], [255, ''])
})
