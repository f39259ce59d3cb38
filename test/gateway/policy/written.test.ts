/** What a policy may say: mistakes and warnings, with their places. */
import test from 'ava'
import { formatPath } from '#lib/config/mistake'
import { parsePolicy } from '../../../gateway/policy/parse.ts'
import { policyWarnings } from '../../../gateway/policy/warnings.ts'
import { open, RISK } from '../../support/policy-builder.ts'

const withPolicy = (policy: object) => ({
  applications: [
    {
      name: 'a',
      destinations: ['w.corp:443'],
      policies: [{ name: 'p', decision: 'allow', include: [{ everyone: true }], ...policy }],
    },
  ],
})
const including = (selector: object) => withPolicy({ include: [selector] })
const at = 'applications[0].policies[0]'

const mistakes: Readonly<Record<string, readonly [written: object, mistake: RegExp]>> = {
  'a list that is not there': [
    {
      ...including({ email_list: 'peple' }),
      lists: [{ name: 'people', kind: 'email', values: [] }],
    },
    /include\[0\]\.email_list: there is no list of kind email "peple"; did you mean "people"\?/,
  ],
  'a list of another kind': [
    { ...including({ ip_list: 'people' }), lists: [{ name: 'people', kind: 'email', values: [] }] },
    /there is no list of kind ip "people"/,
  ],
  'a list twice': [
    {
      lists: [
        { name: 'x', kind: 'email', values: [] },
        { name: 'x', kind: 'ip', values: [] },
      ],
    },
    /lists\[1\]\.name: the name "x" is used twice/,
  ],
  'a value of another kind in a list': [
    { lists: [{ name: 'x', kind: 'ip', values: ['10.0.0.1/8'] }] },
    /lists\[0\]\.values\[0\]: .* bits after the prefix length are set/,
  ],
  'a list without a kind': [{ lists: [{ name: 'x', values: [] }] }, /"kind" is missing/],
  'a country in small letters': [including({ country: 'de' }), /"de" is not a country/],
  'a country of another name': [including({ country: 'UK' }), /"UK" is not a country; write "GB"/],
  'a claim without a value': [including({ claim: { name: 'x' } }), /"value" is missing/],
  'a posture check that is not there': [
    including({ device_posture: 'disk' }),
    /there is no posture check "disk"/,
  ],
  'a time of day without minutes': [
    withPolicy({ schedule: { from: '8' } }),
    /schedule\.from: "8" is not a time from "00:00" to "24:00"/,
  ],
  'a schedule that is never': [
    withPolicy({ schedule: { from: '08:00', to: '08:00' } }),
    /give "from" and "to" that differ/,
  ],
  'a schedule on no day': [withPolicy({ schedule: { days: [] } }), /the list is empty/],
  'a time zone that is none': [
    withPolicy({ schedule: { time_zone: 'Europe/Berln' } }),
    /"Europe\/Berln" is not a time zone/,
  ],
  'an expiry without an offset': [
    withPolicy({ expires: '2026-12-31T00:00:00' }),
    /is not a time of RFC 3339/,
  ],
  'an expiry on no day of the calendar': [
    withPolicy({ expires: '2026-13-31T00:00:00Z' }),
    /is not a time of RFC 3339/,
  ],
  'a purpose for a bypass': [
    withPolicy({ decision: 'bypass', justify: {} }),
    /justify: only a policy with "decision: allow" has this key/,
  ],
  'approval for a deny': [
    withPolicy({ decision: 'deny', approval: { approvers: [{ everyone: true }] } }),
    /approval: only a policy with/,
  ],
  'nobody who approves': [withPolicy({ approval: { approvers: [] } }), /the list is empty/],
  'an approver of a rule group that is not there': [
    withPolicy({ approval: { approvers: [{ rule_group: 'leads' }] } }),
    /approval\.approvers\[0\]\.rule_group: there is no rule group "leads"/,
  ],
  'protection of nothing': [
    { require_protection: { destinations: [] } },
    /require_protection\.destinations: the list is empty/,
  ],
  'an evaluator that is not there': [
    including({ external: 'risk' }),
    /there is no external evaluator "risk"/,
  ],
  'an evaluator without TLS': [
    { evaluators: [{ ...RISK, url: 'http://risk.example.com' }] },
    /is not an https URL/,
  ],
  'an evaluator with another key': [
    { evaluators: [{ ...RISK, public_key: 'x' }] },
    /not the PEM text of a P-256 public key/,
  ],
  'an evaluator that is waited for too long': [
    { evaluators: [{ ...RISK, timeout: '11s' }] },
    /a flow waits for 10s at most/,
  ],
  'ports of ping': [
    { applications: [open('a', ['w.corp:1/icmp'])] },
    /names ports, and ping has none; write "w.corp\/icmp"/,
  ],
  'SSH over UDP': [
    {
      applications: [open('a', ['w.corp:22/udp'], { protocol: 'ssh', ssh: { unix_users: ['x'] } })],
    },
    /destinations\[0\]: SSH is spoken over TCP/,
  ],
  'a transport that is none': [
    { applications: [open('a', ['w.corp:22/sctp'])] },
    /no set of ports/,
  ],
  'any_of nothing': [including({ any_of: [] }), /any_of: the list is empty/],
  'any_of within any_of': [
    including({ any_of: [{ any_of: [{ country: 'DE' }] }] }),
    /any_of stands in any_of/,
  ],
  'a rule group that is not there, within any_of': [
    including({ any_of: [{ rule_group: 'x' }] }),
    /any_of\[0\]\.rule_group: there is no rule group "x"/,
  ],
  'rule groups that contain each other through any_of': [
    {
      rule_groups: [
        { name: 'x', include: [{ any_of: [{ rule_group: 'y' }] }] },
        { name: 'y', include: [{ rule_group: 'x' }] },
      ],
    },
    /the rule group "x" contains itself/,
  ],
}

for (const [name, [written, wanted]] of Object.entries(mistakes)) {
  test(`T92 A19: a mistake: ${name}`, (t) => {
    const parsed = parsePolicy(written)
    const lines = parsed.ok
      ? []
      : parsed.error.map(({ path, message }) => `${formatPath(path)}: ${message}`)
    t.regex(lines.join('\n'), wanted)
  })
}

const warned = (written: object) =>
  policyWarnings(written, []).map(({ path, message }) => `${formatPath(path)}: ${message}`)

test('A2: require with several values of one kind is warned of, with what to write', (t) => {
  const written = withPolicy({ require: [{ group: 'a' }, { country: 'DE' }, { group: 'b' }] })
  t.deepEqual(warned(written), [
    `${at}.require[2]: require asks for every "group" at once; if any is meant, write { any_of: [{ group: a }, { group: b }] }`,
  ])
  t.true(parsePolicy(written).ok)
})

test('A2: one value of each kind, several checks, and any_of are no cause for a warning', (t) => {
  const require = [
    { group: 'a' },
    { country: 'DE' },
    { device_posture: 'x' },
    { device_posture: 'y' },
    { any_of: [{ group: 'b' }, { group: 'c' }] },
  ]
  t.deepEqual(warned(withPolicy({ require })), [])
})

test('A2: rule groups and network rules are warned of too', (t) => {
  const condition = {
    include: [{ everyone: true }],
    require: [{ country: 'DE' }, { country: 'FR' }],
  }
  const lines = warned({ rule_groups: [{ name: 'x', ...condition }], network_rules: [condition] })
  t.is(lines.length, 2)
})

test('A11: a service policy for everyone is warned of: it admits no service', (t) => {
  t.regex(warned(withPolicy({ decision: 'service' })).join('\n'), /service_token: any/)
})

const sshWarnings: [string, object, RegExp | undefined][] = [
  [
    'rules on SFTP beside a shell',
    { sftp: { read_only: true } },
    /shell and exec may do.*\[sftp, pty/,
  ],
  [
    'rules on SFTP beside exec',
    { allow: ['sftp', 'exec'], sftp: {} },
    /ssh\.sftp: exec may do.*\[sftp\]/,
  ],
  ['patterns beside a shell', { exec_patterns: ['git *'] }, /ssh\.exec_patterns: shell may do/],
  ['patterns alone', { allow: ['exec'], exec_patterns: ['git *'] }, undefined],
  ['rules on SFTP alone', { allow: ['sftp'], sftp: { read_only: true } }, undefined],
  ['nothing of the kind', {}, undefined],
  ['nonsense', { allow: 7, sftp: 7 }, undefined],
]
for (const [name, ssh, wanted] of sshWarnings) {
  test(`S5: warnings of rules that are walked round: ${name}`, (t) => {
    const lines = warned({ applications: [{ name: 'db', ssh }] }).join('\n')
    if (wanted === undefined) t.is(lines, '')
    else t.regex(lines, wanted)
  })
}

test('T92: warnings never throw, whatever is written', (t) => {
  for (const odd of [
    null,
    1,
    [],
    { applications: [null, { policies: [{ require: [1, null] }] }] },
  ]) {
    t.deepEqual(policyWarnings(odd, []), [])
  }
})

test('G4: UDP that an application of HTTP opens is warned of while QUIC is blocked', (t) => {
  const written = { applications: [open('a', ['w.corp:443/udp'], { protocol: 'http' })] }
  t.regex(warned(written).join('\n'), /applications\[0\]\.destinations\[0\]: "quic: block" refuses/)
  t.deepEqual(warned({ quic: 'allow', ...written }), [])
})
