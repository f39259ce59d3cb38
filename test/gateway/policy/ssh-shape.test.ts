/** What an ssh application may grant, as written. */
import test from 'ava'
import type { SshLimits } from '../../../gateway/policy/decision.ts'
import { narrow } from '../../../gateway/policy/narrow.ts'
import { DEFAULT_SSH_GRANT } from '../../../gateway/policy/ssh-grant.ts'
import { sshShape } from '../../../gateway/policy/ssh-shape.ts'

const decode = (written: object) => sshShape.decode({ unix_users: ['deploy'], ...written }, ['ssh'])

test('S5: nothing written grants programs, files and a terminal, and no forwarding', (t) => {
  const { value, mistakes } = decode({})
  t.deepEqual(mistakes, [])
  t.deepEqual(value?.grants, [DEFAULT_SSH_GRANT])
})

test('S5: everything that can be written', (t) => {
  const { value, mistakes } = decode({
    allow: ['exec', 'sftp', 'agent'],
    exec_patterns: ['git-upload-pack *'],
    env: ['DEPLOY_ENV'],
    subsystems: ['netconf'],
    sftp: { read_only: true, paths: ['/srv'], deny_paths: ['/srv/secret'] },
    local_forward: ['10.0.0.0/8:5432', '*.corp:80,443', 'unix:/run/app/*.sock'],
    remote_forward: ['localhost:8080'],
    nested: 'opaque',
    record_forwards: true,
    session_time: '8h',
    concurrent_sessions: 2,
  })
  t.deepEqual(mistakes, [])
  t.like(value, {
    sessionTimeMs: 8 * 3_600_000,
    concurrentSessions: 2,
    grants: [
      {
        allow: ['exec', 'sftp', 'agent'],
        execPatterns: ['git-upload-pack *'],
        sftp: { readOnly: true, paths: ['/srv'], denyPaths: ['/srv/secret'] },
        nested: 'opaque',
        recordForwards: true,
      },
    ],
  })
  t.deepEqual(
    value?.grants[0].localForward.map(({ kind }) => kind),
    ['tcp', 'tcp', 'unix'],
  )
})

const wrong = {
  'an unknown verb': { allow: ['telnet'] },
  'a command of two lines': { exec_patterns: ['id\nid'] },
  'no command at all': { exec_patterns: [] },
  'LD_PRELOAD (T47)': { env: ['LD_PRELOAD'] },
  'BASH_ENV (T47)': { env: ['BASH_ENV'] },
  'JAVA_TOOL_OPTIONS (T47)': { env: ['JAVA_TOOL_OPTIONS'] },
  'LUA_INIT_5_4 (T47)': { env: ['LUA_INIT_5_4'] },
  'CDPATH (T47)': { env: ['CDPATH'] },
  'MANPAGER (T47)': { env: ['MANPAGER'] },
  'PATH (T47)': { env: ['PATH'] },
  'a name that is no variable': { env: ['A=B'] },
  'a relative path': { sftp: { paths: ['srv'] } },
  'a path with ..': { sftp: { paths: ['/srv/../etc'] } },
  'a path that ends with a slash': { sftp: { deny_paths: ['/srv/'] } },
  'a forwarding without port': { local_forward: ['db1.corp.internal'] },
  'a forwarding of UDP': { local_forward: ['db1.corp.internal:53/udp'] },
  'a relative socket': { local_forward: ['unix:app.sock'] },
  'no session at all': { concurrent_sessions: 0 },
} as const
for (const [title, written] of Object.entries(wrong)) {
  test(`S5: a mistake: ${title}`, (t) => t.is(decode(written).mistakes.length, 1))
}

test('S5: two permits for one flow grant what each of them grants', (t) => {
  const permit = (ssh: SshLimits) =>
    ({ kind: 'permit', reason: 'allowed_by_policy', enforcement: { kind: 'ssh', ssh } }) as const
  const a = decode({ session_time: '1h' }).value
  const b = decode({ allow: ['exec'], session_time: '2h', concurrent_sessions: 3 }).value
  if (a === undefined || b === undefined) return t.fail('mistakes')
  t.like(narrow(permit(a), permit(b))?.enforcement, {
    ssh: {
      grants: [DEFAULT_SSH_GRANT, { allow: ['exec'] }],
      sessionTimeMs: 3_600_000,
      concurrentSessions: 3,
    },
  })
})
