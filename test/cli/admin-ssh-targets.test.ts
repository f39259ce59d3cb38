/** `zt admin ssh-targets` with canned answers of the admin API. */
import test from 'ava'
import { adminCommands } from '../support/admin-commands.ts'

const KEY = { type: 'ssh-ed25519', fingerprint: 'SHA256:abc', line: 'ssh-ed25519 AAAA' }
const TARGET = {
  ...{ label: 'db1', address: '10.0.0.5', ports: [22, 2222], tags: { env: 'prod' } },
  ...{ network: 'default', hostKeys: [KEY], hostAuthorities: [] },
}

const asked: Readonly<Record<string, readonly [args: string, path: string, body: unknown]>> = {
  'a scan of the usual port': ['scan db1.corp', '/scan', { host: 'db1.corp', port: 22 }],
  'a scan of another port': ['scan db1.corp:2222', '/scan', { host: 'db1.corp', port: 2222 }],
  'a scan of an IPv6 address': ['scan 2001:db8::1', '/scan', { host: '2001:db8::1', port: 22 }],
  'a scan of an IPv6 address and port': [
    'scan [2001:db8::1]:2222',
    '/scan',
    { host: '[2001:db8::1]', port: 2222 },
  ],
}

for (const [title, [args, path, body]] of Object.entries(asked)) {
  test(`S4: ${title}`, async (t) => {
    const cli = adminCommands({ keys: [KEY], authorities: [] })
    t.is(await cli.run('admin', 'ssh-targets', ...args.split(' ')), 0)
    t.deepEqual(cli.asked, [[`/api/v1/ssh-targets${path}`, body]])
    t.regex(cli.printed.join('\n'), /host key │ ssh-ed25519 │ SHA256:abc/)
    t.regex(cli.warned.join('\n'), /ssh-keygen -lf .*\n.*zt admin ssh-targets add LABEL/)
  })
}

test('S4: a scan of no host asks nobody', async (t) => {
  const cli = adminCommands()
  t.is(await cli.run('admin', 'ssh-targets', 'scan', 'a b'), 2)
  t.deepEqual(cli.asked, [])
})

test('S4: a target is added with ports, tags and what is accepted', async (t) => {
  const cli = adminCommands({ sshTarget: TARGET })
  const options = '--port 22 --port 2222 --tag env=prod --tag site=a=b --accept-key SHA256:abc'
  t.is(await cli.run('admin', 'ssh-targets', 'add', 'db1', '10.0.0.5', ...options.split(' ')), 0)
  t.deepEqual(cli.asked, [
    [
      '/api/v1/ssh-targets',
      {
        ...{ label: 'db1', address: '10.0.0.5', ports: [22, 2222] },
        tags: { env: 'prod', site: 'a=b' },
        ...{ acceptKeys: ['SHA256:abc'], acceptAuthorities: [] },
      },
    ],
  ])
  t.deepEqual(cli.printed, ['db1 (10.0.0.5): SHA256:abc'])
})

test('S4: keys are rotated and targets removed by label', async (t) => {
  const cli = adminCommands({ sshTarget: TARGET }, { removed: 'db1' })
  await cli.run('admin', 'ssh-targets', 'rotate-key', 'db1', '--accept-authority', 'SHA256:ca')
  await cli.run('admin', 'ssh-targets', 'remove', 'db1')
  t.deepEqual(cli.asked, [
    ['/api/v1/ssh-targets/db1/rotate-key', { acceptKeys: [], acceptAuthorities: ['SHA256:ca'] }],
    ['/api/v1/ssh-targets/db1/remove', {}],
  ])
})

test('S4: the list says where targets come from, who leads there, and what is set aside', async (t) => {
  const cli = adminCommands({
    sshTargets: [
      { ...TARGET, source: 'both', applications: ['databases'] },
      {
        ...TARGET,
        label: 'db2',
        hostKeys: [],
        source: 'registered',
        applications: [],
        why: 'twice',
      },
    ],
  })
  t.is(await cli.run('admin', 'ssh-targets', 'list'), 0)
  const text = cli.printed.join('\n')
  t.regex(
    text,
    /db1 +│ 10\.0\.0\.5:22, 10\.0\.0\.5:2222 │ env=prod │ both +│ databases +│ SHA256:abc/,
  )
  t.regex(text, /db2 .*set aside: twice │ - +│ none/)
})
