import test from 'ava'
import fc from 'fast-check'
import {
  ALERTS_LIMIT,
  looksAtCommands,
  SessionAlerts,
} from '../../../gateway/alert/session-alerts.ts'
import { parsePolicy } from '../../../gateway/policy/parse.ts'
import { alertRule, alertRules } from '../../support/alert-rule.ts'

const RUNS = process.env['ZT_FULL'] ? 5000 : 200

const watching = (...written: readonly object[]) => {
  const rules = alertRules(...written)
  return new SessionAlerts(() => rules)
}
const exec = (command: string) => ({ type: 'exec', channel: 0, command }) as const
const typed = (source: 'screen' | 'hidden') =>
  ({
    ...({ type: 'command', channel: 0, atUs: 0, outputBytes: 0 } as const),
    ...({ source, confidence: 'low', text: 'whoami' } as const),
  }) as const
const tcp = (host: string, port: number) =>
  ({ kind: 'forward', target: { kind: 'tcp', host, port } }) as const

const commands: readonly (readonly [string, string, boolean])[] = [
  ['*rm -rf*', 'rm -rf /', true],
  ['*rm -rf*', 'true; sudo rm -rf / && echo $(id)\n', true],
  ['*rm -rf*', 'rm -r /', false],
  ['id', 'id', true],
  ['id', 'id ', false],
  ['scp * /etc/*', 'scp -t /etc/passwd', true],
]
for (const [pattern, command, matches] of commands) {
  test(`S12: a rule on ${pattern} ${matches ? 'sees' : 'does not see'} ${JSON.stringify(command)}`, (t) => {
    const found = watching({ exec: [pattern] }).event(exec(command))
    t.is(found.length, matches ? 1 : 0)
    t.is(found[0]?.text, matches ? command : undefined)
  })
}

const files: readonly (readonly [string, boolean])[] = [
  ['/etc/shadow', true],
  ['/etc/shadow/x', true],
  ['/etc/shadow2', false],
  ['/etc', false],
  ['etc/shadow', false],
]
for (const [path, matches] of files) {
  test(`S12: a rule on /etc/shadow ${matches ? 'sees' : 'does not see'} ${path}`, (t) => {
    const alerts = watching({ sftp: ['/etc/shadow'] })
    t.is(alerts.asking({ kind: 'sftp', paths: [path] }).length, matches ? 1 : 0)
  })
}

test('S12: file operations that cannot be followed count as those that a rule looks for', (t) => {
  const unreadable = { type: 'sftp_unreadable', channel: 0, reason: 'malformed' } as const
  t.is(watching({ sftp: ['/srv'] }).event(unreadable).length, 1)
  t.is(watching({ exec: ['*'] }).event(unreadable).length, 0)
})

test('S12: a rule on destinations sees forwardings that lead there', (t) => {
  const alerts = watching({ forward: ['10.0.0.0/8:22', 'unix:/run/docker.sock'] })
  t.is(alerts.asking(tcp('10.1.2.3', 22))[0]?.text, '10.1.2.3:22')
  t.is(alerts.asking(tcp('10.1.2.3', 23)).length, 0)
  t.is(alerts.asking(tcp('db', 22)).length, 0)
  const socket = { kind: 'unix', path: '/run/docker.sock' } as const
  t.is(alerts.asking({ kind: 'forward', target: socket }).length, 1)
})

test('S12: volumes are counted for each direction, and alert once, before the octet that is too many', (t) => {
  const alerts = watching({ upload: '1KiB' }, { download: '1KiB', upload: '2KiB' })
  t.is(alerts.passing('upload', 1024).length, 0)
  t.deepEqual(
    alerts.passing('upload', 1).map(({ rule, kind }) => [rule.name, kind]),
    [['r0', 'upload']],
  )
  t.is(alerts.passing('upload', 1).length, 0)
  t.is(alerts.passing('download', 1025)[0]?.rule.name, 'r1')
  t.is(alerts.passing('upload', 1024)[0]?.rule.name, 'r1', 'each direction for itself')
})

test('S12: however a volume is cut into pieces, the same rules alert', (t) => {
  fc.assert(
    fc.property(fc.array(fc.nat(700)), (pieces) => {
      const total = pieces.reduce((sum, octets) => sum + octets, 0)
      const alerts = watching({ download: '1KiB' })
      const raised = pieces.flatMap((octets) => alerts.passing('download', octets))
      t.is(raised.length, total > 1024 ? 1 : 0)
    }),
    { numRuns: RUNS },
  )
})

test('S12: one rule raises a hundred alerts in a session, so that nobody floods those who read them', (t) => {
  const alerts = watching({ exec: ['id'] }, { exec: ['ls'] })
  const raised = Array.from({ length: 500 }, () => alerts.event(exec('id'))).flat()
  t.is(raised.length, ALERTS_LIMIT)
  t.is(alerts.event(exec('ls')).length, 1, 'others still count')
})

test('S12: a rule that comes with a changed policy counts at once', (t) => {
  let rules = alertRules({ exec: ['id'] })
  const alerts = new SessionAlerts(() => rules)
  t.is(alerts.event(exec('ls')).length, 0)
  t.false(looksAtCommands('db', rules))
  rules = alertRules({ exec: ['ls'], command: ['*'] })
  t.is(alerts.event(exec('ls')).length, 1)
  t.true(looksAtCommands('db', rules))
  t.is(alerts.event(typed('screen')).length, 1)
  t.is(alerts.event(typed('hidden')).length, 0, 'what was typed unseen matches nothing')
})

const wrong: readonly (readonly [string, object, RegExp])[] = [
  ['without a matcher', { name: 'a', action: 'end' }, /matches nothing; give it one of exec/],
  ['with an empty list', { name: 'a', exec: [] }, /the list is empty/],
  [
    'about an application that is not there',
    { name: 'a', exec: ['x'], applications: ['dv'] },
    /no ssh application "dv".*did you mean "db"/i,
  ],
  [
    'about an application without ssh',
    { name: 'a', exec: ['x'], applications: ['wiki'] },
    /no ssh application "wiki"/,
  ],
  ['with a size without unit', { name: 'a', upload: '100' }, /not a size; write for example/],
  ['with a path that is not plain', { name: 'a', sftp: ['/a/../b'] }, /not an absolute path/],
  [
    'with an unknown action',
    { name: 'a', exec: ['x'], action: 'kill' },
    /report, end, require_login/,
  ],
]
for (const [what, rule, message] of wrong) {
  test(`S12: an alert rule ${what} is a mistake`, (t) => {
    const applications = [
      { name: 'db', destinations: ['db:22'], protocol: 'ssh', ssh: { unix_users: ['root'] } },
      { name: 'wiki', destinations: ['wiki:443'] },
    ]
    const parsed = parsePolicy({ applications, ssh_alerts: [rule] })
    t.false(parsed.ok)
    if (!parsed.ok) t.regex(parsed.error.map((one) => one.message).join('\n'), message)
  })
}

test('S12: two alert rules of one name are a mistake', (t) => {
  const rule = { name: 'a', exec: ['x'] }
  const parsed = parsePolicy({ ssh_alerts: [rule, rule] })
  t.false(parsed.ok)
  if (!parsed.ok) t.regex(parsed.error[0]?.message ?? '', /the name "a" is used twice/)
})

test('S12: without a word of it a rule reports, and tells no text', (t) => {
  t.like(alertRule({ exec: ['x'] }), { action: 'report', includeText: false })
})
