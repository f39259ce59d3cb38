/** Targets by label and tags: where applications lead, as whom, and whose keys count. */
import test from 'ava'
import { formatPath } from '#lib/config/mistake'
import { type CompiledPolicy, compilePolicy } from '../../../gateway/policy/compile.ts'
import type { RegisteredTarget } from '../../../gateway/policy/document.ts'
import { decideAddress, evaluate } from '../../../gateway/policy/evaluate.ts'
import { parsePolicy } from '../../../gateway/policy/parse.ts'
import { visibleApplications } from '../../../gateway/policy/visible-applications.ts'
import { everyone, factsOf, open, policyOf } from '../../support/policy-builder.ts'

const NOW = 1_800_000_000
const KEY = (letter: string) => `ssh-ed25519 ${letter.repeat(68)}`

const target = (label: string, address: string, more: object = {}) => ({ label, address, ...more })
const prod = { tags: { env: 'prod' } }

function ssh(name: string, targets: readonly object[], more: object = {}) {
  return {
    name,
    protocol: 'ssh',
    ssh: { unix_users: ['admin'], targets, ...more },
    policies: [{ name: 'all', decision: 'allow', include: everyone }],
  }
}

const fleet = [
  target('db1', 'db1.corp', prod),
  target('db2', '10.0.0.5', { ...prod, ports: [22, 2222], host_keys: [KEY('A')] }),
  target('db3', '2001:db8::3', { ...prod }),
  target('test1', 'test1.corp', { tags: { env: 'test' } }),
]

const registered = (label: string, address: string, more: Partial<RegisteredTarget> = {}) => ({
  ...{ label, address, ports: [22], tags: {}, network: 'default' as const },
  ...{ hostKeys: [KEY('C')], hostAuthorities: [], ...more },
})

function compiled(written: object, others: readonly RegisteredTarget[]): CompiledPolicy {
  const parsed = parsePolicy(written)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error))
  const own = { addresses: [], ports: [] }
  return compilePolicy(parsed.value, { revision: 1, own, registered: others })
}

const applicationOf = (policy: CompiledPolicy, endpoint: string) =>
  evaluate(policy, factsOf(endpoint), NOW).application

const criteria: Readonly<Record<string, readonly [criterion: object, owned: readonly string[]]>> = {
  'all tags must be there': [{ tags: { env: 'prod', site: 'x' } }, []],
  'a tag has its value': [
    { tags: { env: 'prod' } },
    ['db1.corp:22', '10.0.0.5:22', '10.0.0.5:2222', '[2001:db8::3]:22'],
  ],
  'a label is exact without a star': [{ label: 'db' }, []],
  'a star in a label is any characters': [{ label: 'd*1' }, ['db1.corp:22']],
  'label and tags count together': [{ label: 'test*', tags: { env: 'prod' } }, []],
  'ports narrow': [{ tags: { env: 'prod' }, ports: [2222] }, ['10.0.0.5:2222']],
  'a network is one of its targets': [{ label: 'test*', network: 'default' }, ['test1.corp:22']],
}

for (const [title, [criterion, owned]] of Object.entries(criteria)) {
  test(`S4: ${title}`, (t) => {
    const policy = policyOf({ ssh_targets: fleet, applications: [ssh('a', [criterion])] })
    const asked = [
      'db1.corp:22',
      '10.0.0.5:22',
      '10.0.0.5:2222',
      '[2001:db8::3]:22',
      'test1.corp:22',
    ]
    t.deepEqual(
      asked.filter((endpoint) => applicationOf(policy, endpoint) === 'a'),
      [...owned],
    )
    t.is(applicationOf(policy, 'db1.corp:23'), undefined)
  })
}

test('S4: a target that comes later is matched by itself, and its keys are in the permit', (t) => {
  const written = {
    ssh_targets: fleet,
    applications: [ssh('a', [prod], { host_keys: [KEY('B')] })],
  }
  const policy = compiled(written, [registered('db9', 'db9.corp', prod)])
  t.like(evaluate(policy, factsOf('db9.corp:22'), NOW), {
    application: 'a',
    enforcement: { ssh: { unixUsers: ['admin'], hostKeys: [KEY('B'), KEY('C')] } },
  })
  t.is(applicationOf(compiled(written, []), 'db9.corp:22'), undefined)
})

test('S4: keys of a registered target count wherever an application leads there', (t) => {
  const policy = compiled(
    { applications: [open('a', ['*.corp:22'], { protocol: 'ssh', ssh: { unix_users: ['x'] } })] },
    [registered('db9', 'db9.corp'), registered('db8', '10.0.0.8', { hostKeys: [KEY('D')] })],
  )
  const keys = (address: string, endpoint: string) => {
    const decision = decideAddress(policy, factsOf(endpoint, { address }), NOW)
    const { enforcement } = decision as Extract<typeof decision, { kind: 'permit' }>
    return enforcement.kind === 'ssh' ? enforcement.ssh.hostKeys : undefined
  }
  t.deepEqual(keys('10.0.0.8', 'db9.corp:22'), [KEY('C')])
  t.deepEqual(keys('10.0.0.8', 'other.corp:22'), [KEY('D')])
  t.deepEqual(keys('10.0.0.7', 'other.corp:22'), [])
})

test('S4: a registered target of the same label and address adds its keys to those of the policy', (t) => {
  const written = { ssh_targets: fleet, applications: [ssh('a', [prod])] }
  const policy = compiled(written, [registered('db2', '10.0.0.5', { ports: [9] })])
  t.like(evaluate(policy, factsOf('10.0.0.5:2222'), NOW), {
    enforcement: { ssh: { hostKeys: [KEY('A'), KEY('C')] } },
  })
})

test('S4: a registered target that does not fit is set aside, with the reason', (t) => {
  const applications = [
    ssh('a', [prod]),
    open('b', ['db7.corp:22'], { protocol: 'ssh', ssh: { unix_users: ['x'] } }),
  ]
  const { sshTargets } = compiled({ ssh_targets: fleet, applications }, [
    registered('db1', 'elsewhere.corp'),
    registered('twin', 'db1.corp'),
    registered('db7', 'db7.corp', prod),
    registered('fits', 'db6.corp', prod),
  ])
  t.deepEqual(
    sshTargets.setAside.map(({ target: { label }, why }) => [label, why]),
    [
      ['db1', 'the policy has this label for another address'],
      ['twin', 'the target db1 has this address and port'],
      [
        'db7',
        '"db7.corp:22" overlaps with "db7.corp:22" of application "b", and neither is more specific; give each port to one application',
      ],
    ],
  )
  t.true(sshTargets.targets.some(({ label }) => label === 'fits'))
})

const mistakes: Readonly<Record<string, readonly [written: object, mistake: RegExp]>> = {
  'a label twice': [
    { ssh_targets: [target('x', 'a.corp'), target('x', 'b.corp')] },
    /^ssh_targets\[1\]\.label: the label "x" is used twice$/,
  ],
  'an address in two targets': [
    { ssh_targets: [target('x', 'a.corp'), target('y', 'A.corp.', { ports: [2222, 22] })] },
    /^ssh_targets\[1\]\.address: the target "x" has this address on the same port/,
  ],
  'an unknown network': [
    { ssh_targets: [target('x', 'a.corp', { network: 'lab' })] },
    /^ssh_targets\[0\]\.network: "lab" is not "default"$/,
  ],
  'an address with a port': [
    { ssh_targets: [target('x', 'a.corp:22')] },
    /is not a host name or IP/,
  ],
  'a criterion that names nothing': [
    { applications: [ssh('a', [{}])] },
    /the criterion names nothing/,
  ],
  'an application that leads nowhere': [
    { applications: [{ name: 'a', protocol: 'ssh', ssh: { unix_users: ['x'] } }] },
    /^applications\[0\]: "destinations" is missing/,
  ],
  'a target of two applications': [
    { ssh_targets: fleet, applications: [ssh('a', [prod]), ssh('b', [{ label: 'db1' }])] },
    /^applications\[1\]\.ssh\.targets: "db1\.corp:22" overlaps with "db1\.corp:22" of application "a"/,
  ],
  'UNIX users where no ssh is spoken': [
    {
      applications: [
        {
          ...{ name: 'a', destinations: ['w:443'] },
          policies: [{ name: 'p', decision: 'allow', include: everyone, unix_users: ['x'] }],
        },
      ],
    },
    /policies\[0\]\.unix_users: only a policy that admits to an application with "protocol: ssh"/,
  ],
  'a UNIX user that is none (T26)': [
    { applications: [ssh('a', [prod], { unix_users: ['-oProxyCommand'] })] },
    /"-oProxyCommand" is not a UNIX user name/,
  ],
}

for (const [title, [written, mistake]] of Object.entries(mistakes)) {
  test(`S4: a mistake at load: ${title}`, (t) => {
    const parsed = parsePolicy(written)
    const lines = parsed.ok
      ? []
      : parsed.error.map((one) => `${formatPath(one.path)}: ${one.message}`)
    t.true(
      lines.some((line) => mistake.test(line)),
      lines.join('\n'),
    )
  })
}

const line = (group: string, more: object) => ({
  ...{ name: group, decision: 'allow', include: [{ group }], ...more },
})

test('S4: a policy names its own UNIX users, narrower or wider than the application', (t) => {
  const policy = policyOf({
    ssh_targets: fleet,
    applications: [
      {
        ...ssh('a', [prod], { unix_users: ['admin', 'deploy'] }),
        policies: [
          line('interns', { unix_users: ['guest'] }),
          line('leads', { unix_users: ['admin', 'root'] }),
          line('engineers', {}),
        ],
      },
    ],
  })
  const users = (group: string) => {
    const decision = evaluate(policy, factsOf('db1.corp:22', { groups: [group] }), NOW)
    return decision.kind === 'permit' && decision.enforcement.kind === 'ssh'
      ? decision.enforcement.ssh.unixUsers
      : undefined
  }
  t.deepEqual(users('interns'), ['guest'])
  t.deepEqual(users('leads'), ['admin', 'root'])
  t.deepEqual(users('engineers'), ['admin', 'deploy'])
})

const alias = policyOf({
  ssh_targets: fleet,
  applications: [ssh('a', [prod], { unix_users: ['@email-local-part', 'shared'] })],
})

const aliases: Readonly<Record<string, readonly string[]>> = {
  'alice@example.com': ['alice', 'shared'],
  'a.b-c_d@example.com': ['a.b-c_d', 'shared'],
  'shared@example.com': ['shared'],
  'a@b@c': ['shared'],
  'Alice@example.com': ['shared'],
  'alice.@example.com': ['shared'],
  'root@example.com': ['shared'],
}

for (const [email, wanted] of Object.entries(aliases)) {
  test(`S4 T26: the alias of ${email}`, (t) => {
    const facts = factsOf('db1.corp:22', { email })
    t.like(evaluate(alias, facts, NOW), {
      kind: 'permit',
      enforcement: { ssh: { unixUsers: [...wanted] } },
    })
    t.like(visibleApplications(alias, facts, NOW), [{ name: 'a', unixUsers: [...wanted] }])
  })
}

test('S4: a service has no alias', (t) => {
  const service = { tokenId: 's', name: 'backup' }
  const policy = policyOf({
    ssh_targets: fleet,
    applications: [
      {
        ...ssh('a', [prod]),
        policies: [
          {
            ...{ name: 's', decision: 'service', include: [{ service_token: 'any' }] },
            unix_users: ['@email-local-part', 'backup'],
          },
        ],
      },
    ],
  })
  t.like(evaluate(policy, factsOf('db1.corp:22', { email: '', service }), NOW), {
    enforcement: { ssh: { unixUsers: ['backup'] } },
  })
})
