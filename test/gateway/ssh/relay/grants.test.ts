/** Commands, variables, subsystems and certificate extensions that an application grants. */
import test from 'ava'
import { DEFAULT_SSH_GRANT, type SshGrant } from '../../../../gateway/policy/ssh-grant.ts'
import { Grants } from '../../../../gateway/ssh/relay/grants.ts'
import { matchesPattern } from '../../../../gateway/ssh/relay/text-pattern.ts'
import { SessionCount } from '../../../../gateway/ssh/session-count.ts'
import { forwardsTo } from '../../../support/relay-rig.ts'

const grants = (...each: readonly Partial<SshGrant>[]) => {
  const [first = {}, ...others] = each
  const whole = (one: Partial<SshGrant>): SshGrant => ({ ...DEFAULT_SSH_GRANT, ...one })
  return new Grants([whole(first), ...others.map(whole)])
}

/** Pattern, command, whether it passes. */
const commands: readonly (readonly [string, string, boolean])[] = [
  ['uptime', 'uptime', true],
  ['uptime', 'uptime ', false],
  ['uptime', 'sudo uptime', false],
  ['git-*', "git-upload-pack '/srv/repo.git'", true],
  ['git-*', 'git-upload-pack x; id', false],
  ['git-*', 'git-upload-pack x && id', false],
  ['git-*', 'git-upload-pack $(id)', false],
  ['git-*', 'git-upload-pack `id`', false],
  ['git-*', 'git-upload-pack x | sh', false],
  ['git-*', 'git-upload-pack x\nid', false],
  ['git-*', 'git-upload-pack x > /etc/passwd', false],
  ['git-*', 'git-upload-pack x\\', false],
  ['git-*', 'id; git-upload-pack x', false],
  ['rsync --server * . /srv/*', 'rsync --server -vlogDtpre.iLsfxC . /srv/data/', true],
  ['rsync --server * . /srv/*', 'rsync --server -vlogDtpre.iLsfxC . /etc/', false],
  ['df -h | head -*', 'df -h | head -3', true],
  ['df -h | head -*', 'df -h | head -3 | sh', false],
  ['a*a', 'a', false],
  ['a*a', 'aa', true],
  ['*', 'anything plain', true],
  // What a star stands for takes nothing away from the fixed parts.
  ['tool * --read-only', 'tool x --read-only', true],
  ['tool * --read-only', 'tool x # --read-only', false],
  ['tool * --read-only', 'tool x\t# --read-only', false],
  ['tool * --read-only', 'tool # --read-only', false],
  ['tool * --read-only', 'tool x#1 --read-only', true],
  ['tool * --root /srv *', "tool ' --root /srv '", false],
  ['tool * --root /srv *', 'tool " --root /srv "', false],
  ['tool * --root /srv *', `tool "it's" --root /srv 'a "b'`, true],
  ['tool * --root /srv *', `tool "it's' --root /srv 'a"`, false],
]
for (const [pattern, command, passes] of commands) {
  test(`S5: ${pattern} ${passes ? 'covers' : 'does not cover'} ${JSON.stringify(command)}`, (t) => {
    t.is(grants({ execPatterns: [pattern] }).listsCommand(command), passes)
  })
}

/** Of the processor, µs: what others take of it is not counted. */
const NO_TIME = 1_000_000

test('S5: a pattern of many stars is matched in no time', (t) => {
  const pattern = `${'*a'.repeat(200)}b`
  const started = process.cpuUsage()
  t.false(matchesPattern(pattern, 'a'.repeat(200_000), /;/))
  t.true(process.cpuUsage(started).user < NO_TIME)
})

test('S5: a command of many quotes is judged in no time', (t) => {
  const started = process.cpuUsage()
  t.false(grants({ execPatterns: ['a*'] }).listsCommand(`a${`'"'`.repeat(80_000)}"`))
  t.true(process.cpuUsage(started).user < NO_TIME)
})

test('S5: of two grants only what both grant passes', (t) => {
  const both = grants(
    { execPatterns: ['git-*'], env: ['A', 'B'], localForward: forwardsTo('*:80') },
    { allow: ['exec'], env: ['B'], localForward: forwardsTo('10.0.0.0/8:*') },
  )
  t.true(both.allows('exec'))
  t.false(both.allows('shell'))
  t.false(both.listsCommand('id'))
  t.deepEqual(
    ['A', 'B', 'LANG'].map((name) => both.listsVariable(name)),
    [false, true, true],
  )
  const at = (host: string, port: number) => both.reaches({ kind: 'tcp', host, port })
  t.deepEqual([at('10.0.0.1', 80), at('10.0.0.1', 81), at('192.0.2.1', 80)], [true, false, false])
})

test('S2 S5: the certificate for the target permits what is granted, and no more', (t) => {
  t.deepEqual(grants({}).extensions, ['permit-pty'])
  t.deepEqual(grants({ allow: ['exec'] }).extensions, [])
  t.deepEqual(grants({ allow: [], localForward: forwardsTo('*:80') }).extensions, [
    'permit-port-forwarding',
  ])
  t.deepEqual(grants({ allow: [], remoteForward: forwardsTo('unix:/tmp/x') }).extensions, [
    'permit-port-forwarding',
  ])
  t.deepEqual(grants({ allow: ['agent', 'x11'] }).extensions, [
    'permit-agent-forwarding',
    'permit-X11-forwarding',
  ])
})

test('S5: sessions are counted by user and application, and leave once', (t) => {
  const count = new SessionCount()
  const first = count.enter('ann', 'db', 2)
  count.enter('ann', 'db', 2)
  t.is(count.enter('ann', 'db', 2), undefined)
  t.truthy(count.enter('ann', 'wiki', 1))
  t.truthy(count.enter('bob', 'db', 1))
  first?.()
  t.truthy(count.enter('ann', 'db', 2))
  t.is(count.enter('ann', 'db', 2), undefined)
})
