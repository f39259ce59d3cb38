import test from 'ava'
import { decide, decideAddress, evaluate } from '../../../gateway/policy/evaluate.ts'
import type { Facts } from '../../../gateway/policy/facts.ts'
import {
  ALICE_DEVICE,
  everyone,
  type FactsChange,
  factsOf,
  open,
  policyOf,
} from '../../support/policy-builder.ts'

const NOW = 1_800_000_000

const rule = (
  name: string,
  precedence: number,
  action: string,
  destination: string,
  more = {},
) => ({
  name,
  precedence,
  action,
  destinations: [destination],
  include: everyone,
  ...more,
})
const guarded = (name: string, destination: string, policy: object) => ({
  name,
  destinations: [destination],
  policies: [{ name: 'p', decision: 'allow', ...policy }],
})
const ssh = (name: string, destination: string, users: readonly string[]) =>
  open(name, [destination], { protocol: 'ssh', ssh: { unix_users: users } })

type Case = readonly [policy: object, endpoint: string, change: FactsChange, wanted: string]

const destinations: Readonly<Record<string, Case>> = {
  'G2: a private address without an application is denied': [
    {},
    '10.0.0.5:443',
    {},
    'no_application',
  ],
  'G2: a single-label name is private': [
    { public_default: 'allow' },
    'wiki:443',
    {},
    'no_application',
  ],
  'G2: a name in a tunnelled domain is private': [
    { public_default: 'allow', tunnel: { domains: ['corp.internal'] } },
    'x.corp.internal:443',
    {},
    'no_application',
  ],
  'G2: loopback is private': [{ public_default: 'allow' }, '127.0.0.1:80', {}, 'no_application'],
  'G1: a public destination meets the default': [
    { public_default: 'allow' },
    'example.org:443',
    {},
    'allowed_by_default',
  ],
  'G1: the default is block': [{}, 'example.org:443', {}, 'blocked_by_default'],
  'G4: an exact name': [
    { applications: [open('a', ['w.corp:443'])] },
    'w.corp:443',
    {},
    'allowed_by_policy a',
  ],
  'G4: names do not care for case': [
    { applications: [open('a', ['W.Corp:443'])] },
    'w.CORP:443',
    {},
    'allowed_by_policy a',
  ],
  'G4: another port is another destination': [
    { applications: [open('a', ['w.corp.x:443'])] },
    'w.corp.x:80',
    {},
    'blocked_by_default',
  ],
  'G4: a wildcard covers several labels': [
    { applications: [open('a', ['*.corp:*'])] },
    'a.b.corp:1',
    {},
    'allowed_by_policy a',
  ],
  'G4: a wildcard does not cover its zone': [
    { applications: [open('a', ['*.corp:*'])] },
    'corp:1',
    {},
    'no_application',
  ],
  'G4: a prefix': [
    { applications: [open('a', ['10.0.0.0/24:8000-8100'])] },
    '10.0.0.9:8050',
    {},
    'allowed_by_policy a',
  ],
  'G4: IPv6': [
    { applications: [open('a', ['[fd00::/64]:22'])] },
    '[fd00::1]:22',
    {},
    'allowed_by_policy a',
  ],
  'G4 T120: a mapped address is the IPv4 address': [
    { applications: [open('a', ['10.0.0.5:22'])] },
    '[::ffff:10.0.0.5]:22',
    {},
    'allowed_by_policy a',
  ],
  'G4: an application means TCP': [
    { applications: [open('a', ['10.0.0.5:53'])] },
    '10.0.0.5:53',
    { transport: 'udp' },
    'no_application',
  ],
  'G4: an application may mean UDP': [
    { applications: [open('a', ['10.0.0.5:53/udp'])] },
    '10.0.0.5:53',
    { transport: 'udp' },
    'allowed_by_policy a',
  ],
  'G4: UDP to another port of a UDP application': [
    { applications: [open('a', ['10.0.0.5:53/udp'])] },
    '10.0.0.5:54',
    { transport: 'udp' },
    'no_application',
  ],
  'G4: a UDP application is not there over TCP': [
    { applications: [open('a', ['10.0.0.5:53/udp'])] },
    '10.0.0.5:53',
    {},
    'no_application',
  ],
  'G4: all TCP ports are no ping': [
    { applications: [open('a', ['10.0.0.5:*', '10.0.0.5:*/udp'])] },
    '10.0.0.5:1',
    { transport: 'icmp' },
    'no_application',
  ],
  'G4: ping, where it is written': [
    { applications: [open('a', ['*.corp/icmp'])] },
    'w.corp:1',
    { transport: 'icmp' },
    'allowed_by_policy a',
  ],
  'G4: ping opens no port': [
    { applications: [open('a', ['10.0.0.0/8/icmp'])] },
    '10.0.0.5:22',
    {},
    'no_application',
  ],
  'G4: the public default opens TCP only': [
    { public_default: 'allow' },
    'example.org:53',
    { transport: 'udp' },
    'blocked_by_default',
  ],
  'G4: the public default for datagrams': [
    { public_default: 'allow', public_datagrams: 'allow' },
    'example.org:1',
    { transport: 'icmp' },
    'allowed_by_default',
  ],
  'G4: datagrams are no more open than TCP is': [
    { public_datagrams: 'allow' },
    'example.org:53',
    { transport: 'udp' },
    'blocked_by_default',
  ],
  'G4: QUIC beside an application of HTTP is refused, whatever rule allows it': [
    {
      network_rules: [rule('all', 1, 'allow', '*:*/udp')],
      applications: [open('a', ['w.corp:443'], { protocol: 'http' })],
    },
    'w.corp:443',
    { transport: 'udp' },
    'quic_blocked all',
  ],
  'G4: QUIC to an address that an application of TLS owns': [
    {
      network_rules: [rule('all', 1, 'allow', '*:*/udp')],
      applications: [open('a', ['10.0.0.0/8:443'], { protocol: 'tls' })],
    },
    'w.corp:443',
    { transport: 'udp', address: '10.0.0.5' },
    'quic_blocked all',
  ],
  'G4: QUIC that nobody may use is told as any other refusal': [
    {
      tunnel: { domains: ['corp'] },
      applications: [open('a', ['w.corp:443'], { protocol: 'http' })],
    },
    'w.corp:443',
    { transport: 'udp' },
    'no_application',
  ],
  'G4: QUIC where it is allowed': [
    { quic: 'allow', applications: [open('a', ['w.corp:443/udp'], { protocol: 'http' })] },
    'w.corp:443',
    { transport: 'udp' },
    'allowed_by_policy a',
  ],
  'G4: UDP to another port is no QUIC of the application': [
    {
      applications: [
        open('a', ['w.corp:443'], { protocol: 'http' }),
        open('voip', ['w.corp:5060/udp']),
      ],
    },
    'w.corp:5060',
    { transport: 'udp' },
    'allowed_by_policy voip',
  ],
  'G4: the exact name beats the wildcard': [
    { applications: [open('wide', ['*.corp:*']), open('one', ['w.corp:*'])] },
    'w.corp:443',
    {},
    'allowed_by_policy one',
  ],
  'G4: the longer zone beats the shorter': [
    { applications: [open('wide', ['*.corp:*']), open('dev', ['*.dev.corp:*'])] },
    'w.dev.corp:443',
    {},
    'allowed_by_policy dev',
  ],
  'G4: the longer prefix beats the shorter': [
    { applications: [open('net', ['10.0.0.0/8:*']), open('host', ['10.0.0.5:*'])] },
    '10.0.0.5:443',
    {},
    'allowed_by_policy host',
  ],
  'G4: fewer ports beat more on the same host': [
    { applications: [open('all', ['10.0.0.5:*']), open('web', ['10.0.0.5:443'])] },
    '10.0.0.5:443',
    {},
    'allowed_by_policy web',
  ],
  'G4: a more specific host without the port does not count': [
    { applications: [open('all', ['*.corp:*']), open('web', ['w.corp:443'])] },
    'w.corp:22',
    {},
    'allowed_by_policy all',
  ],
  'G4: the most specific application decides even when it denies': [
    {
      applications: [
        open('wide', ['*.corp:*']),
        guarded('one', 'w.corp:*', { include: [{ group: 'nobody' }] }),
      ],
    },
    'w.corp:443',
    {},
    'no_policy_matched one',
  ],
}

const policies: Readonly<Record<string, Case>> = {
  'A2: no policy matches': [
    { applications: [guarded('a', 'w:1', { include: [{ email: 'bob@example.com' }] })] },
    'w:1',
    {},
    'no_policy_matched a',
  ],
  'A2: no policy at all': [
    { applications: [{ name: 'a', destinations: ['w:1'] }] },
    'w:1',
    {},
    'no_policy_matched a',
  ],
  'A2: any of include': [
    {
      applications: [
        guarded('a', 'w:1', { include: [{ email: 'bob@example.com' }, { group: 'engineers' }] }),
      ],
    },
    'w:1',
    {},
    'allowed_by_policy a',
  ],
  'A2: all of require': [
    {
      applications: [
        guarded('a', 'w:1', {
          include: everyone,
          require: [{ group: 'engineers' }, { group: 'ops' }],
        }),
      ],
    },
    'w:1',
    {},
    'no_policy_matched a',
  ],
  'A2: none of exclude': [
    {
      applications: [
        guarded('a', 'w:1', { include: everyone, exclude: [{ email: 'ALICE@example.com' }] }),
      ],
    },
    'w:1',
    {},
    'no_policy_matched a',
  ],
  'A2: the first match decides, here a deny': [
    {
      applications: [
        {
          name: 'a',
          destinations: ['w:1'],
          policies: [
            { name: 'no', decision: 'deny', include: [{ group: 'engineers' }] },
            { name: 'yes', decision: 'allow', include: everyone },
          ],
        },
      ],
    },
    'w:1',
    {},
    'denied_by_policy a',
  ],
  'A3: the domain of the address': [
    { applications: [guarded('a', 'w:1', { include: [{ email_domain: 'Example.com' }] })] },
    'w:1',
    {},
    'allowed_by_policy a',
  ],
  'A3: a domain is not a suffix': [
    { applications: [guarded('a', 'w:1', { include: [{ email_domain: 'example.com' }] })] },
    'w:1',
    { email: 'alice@notexample.com' },
    'no_policy_matched a',
  ],
  'A3 T26: two at signs are no address': [
    { applications: [guarded('a', 'w:1', { include: [{ email_domain: 'example.com' }] })] },
    'w:1',
    { email: 'mallory@evil.org@example.com' },
    'no_policy_matched a',
  ],
  'A3: one device': [
    {
      applications: [
        guarded('a', 'w:1', { include: [{ device_id: '11111111-1111-4111-8111-111111111111' }] }),
      ],
    },
    'w:1',
    {},
    'allowed_by_policy a',
  ],
  'A3: a source range': [
    { applications: [guarded('a', 'w:1', { include: [{ ip_range: '198.51.100.0/24' }] })] },
    'w:1',
    {},
    'allowed_by_policy a',
  ],
  'A3: a source outside the range': [
    { applications: [guarded('a', 'w:1', { include: [{ ip_range: '198.51.100.0/24' }] })] },
    'w:1',
    { sourceAddress: '203.0.113.1' },
    'no_policy_matched a',
  ],
  'A2: a rule group, through another one': [
    {
      rule_groups: [
        {
          name: 'inner',
          include: [{ group: 'engineers' }],
          exclude: [{ email: 'bob@example.com' }],
        },
        { name: 'outer', include: [{ rule_group: 'inner' }] },
      ],
      applications: [guarded('a', 'w:1', { include: [{ rule_group: 'outer' }] })],
    },
    'w:1',
    {},
    'allowed_by_policy a',
  ],
  'T95: an absent source does not include': [
    { applications: [guarded('a', 'w:1', { include: [{ ip_range: '0.0.0.0/0' }] })] },
    'w:1',
    { sourceAddress: '' },
    'no_policy_matched a',
  ],
  'T95: an absent source does not escape an exclusion': [
    {
      applications: [
        guarded('a', 'w:1', { include: everyone, exclude: [{ ip_range: '203.0.113.0/24' }] }),
      ],
    },
    'w:1',
    { sourceAddress: 'unknown' },
    'no_policy_matched a',
  ],
  'T95: an absent attribute meets a deny policy': [
    {
      applications: [
        {
          name: 'a',
          destinations: ['w:1'],
          policies: [
            { name: 'no', decision: 'deny', include: [{ email_domain: 'evil.org' }] },
            { name: 'yes', decision: 'allow', include: everyone },
          ],
        },
      ],
    },
    'w:1',
    { email: '' },
    'denied_by_policy a',
  ],
  'A2: a login within the session length': [
    { applications: [open('a', ['w:1'], { session_length: '1h' })] },
    'w:1',
    { login: { atMs: (NOW - 3599) * 1000 } },
    'allowed_by_policy a',
  ],
  'A2: a login too long ago': [
    { applications: [open('a', ['w:1'], { session_length: '1h' })] },
    'w:1',
    { login: { atMs: (NOW - 3600) * 1000 } },
    'session_expired a',
  ],
  'T95: a login at no known time': [
    { session_length: '1h', applications: [open('a', ['w:1'])] },
    'w:1',
    {},
    'session_expired a',
  ],
  'A1: another protocol than declared': [
    { applications: [ssh('a', 'w:22', ['demo'])] },
    'w:22',
    { protocol: 'http' },
    'protocol_mismatch a',
  ],
  'A1: SSH where none is declared would pass unrecorded': [
    { applications: [open('a', ['w:22'])] },
    'w:22',
    { protocol: 'ssh' },
    'protocol_mismatch a',
  ],
  'A1: a silent client of a declared protocol': [
    { applications: [ssh('a', 'w:22', ['demo'])] },
    'w:22',
    { protocol: 'unknown' },
    'allowed_by_policy a',
  ],
  'A1: HTTP inside TLS': [
    { applications: [open('a', ['w:443'], { protocol: 'http' })] },
    'w:443',
    { protocol: 'tls' },
    'allowed_by_policy a',
  ],
}

const rules: Readonly<Record<string, Case>> = {
  'G1: a block before the applications': [
    { applications: [open('a', ['w:23'])], network_rules: [rule('no', 1, 'block', '*:23')] },
    'w:23',
    {},
    'blocked_by_rule no',
  ],
  'G1: a block after the application phase': [
    {
      applications: [open('a', ['w:23'])],
      network_rules: [rule('no', 20, 'block', '*:23'), { phase: 'application', precedence: 10 }],
    },
    'w:23',
    {},
    'allowed_by_policy a',
  ],
  'G1: a rule after the phase still sees what no application owns': [
    {
      network_rules: [
        { phase: 'application', precedence: 10 },
        rule('yes', 20, 'allow', '10.0.0.0/8:*'),
      ],
    },
    '10.0.0.5:1',
    {},
    'allowed_by_rule yes',
  ],
  'G1: the lower precedence wins, not the more specific': [
    { network_rules: [rule('no', 1, 'block', '*:*'), rule('yes', 2, 'allow', '10.0.0.5:1')] },
    '10.0.0.5:1',
    {},
    'blocked_by_rule no',
  ],
  'G1: continue only leaves a trace': [
    { network_rules: [rule('log', 1, 'continue', '*:*')] },
    'w:1',
    {},
    'no_application',
  ],
  'G1: a rule about others': [
    {
      network_rules: [rule('no', 1, 'block', '*:*', { include: [{ group: 'interns' }] })],
      applications: [open('a', ['w:1'])],
    },
    'w:1',
    {},
    'allowed_by_policy a',
  ],
  'G1: a rule covers UDP too': [
    { network_rules: [rule('no', 1, 'block', '*:53')] },
    '10.0.0.5:53',
    { transport: 'udp' },
    'blocked_by_rule no',
  ],
  'G4: a block of all ports is about ping, too': [
    { network_rules: [rule('no', 1, 'block', '10.0.0.0/8:*'), rule('yes', 2, 'allow', '*/icmp')] },
    '10.0.0.5:1',
    { transport: 'icmp' },
    'blocked_by_rule no',
  ],
  'G4: a block of some ports is not about ping': [
    { network_rules: [rule('no', 1, 'block', '*:22'), rule('yes', 2, 'allow', '*/icmp')] },
    '10.0.0.5:1',
    { transport: 'icmp' },
    'allowed_by_rule yes',
  ],
  'G4: an allow that names no transport is about TCP': [
    { network_rules: [rule('yes', 1, 'allow', '*:*')] },
    '10.0.0.5:53',
    { transport: 'udp' },
    'no_application',
  ],
  'T95: an absent attribute meets a block': [
    {
      network_rules: [rule('no', 1, 'block', '*:*', { include: [{ email_domain: 'evil.org' }] })],
      applications: [open('a', ['w:1'])],
    },
    'w:1',
    { email: '' },
    'blocked_by_rule no',
  ],
  'T95: an absent attribute meets no allow': [
    {
      network_rules: [rule('yes', 1, 'allow', '*:*', { include: [{ email_domain: 'evil.org' }] })],
    },
    'w:1',
    { email: '' },
    'no_application',
  ],
}

const addresses: Readonly<Record<string, Case>> = {
  'T120: a name never leads to loopback': [
    { applications: [open('a', ['w:1', '127.0.0.0/8:*'])] },
    'w:1',
    { address: '127.0.0.1' },
    'address_forbidden a',
  ],
  'T120: nor to loopback in mapped form': [
    { applications: [open('a', ['w:1'])] },
    'w:1',
    { address: '::ffff:127.0.0.1' },
    'address_forbidden a',
  ],
  'T120: nor to link-local': [
    { applications: [open('a', ['w:1'])] },
    'w:1',
    { address: 'fe80::1' },
    'address_forbidden a',
  ],
  'T120: nor to metadata': [
    { applications: [open('a', ['w:1'])] },
    'w:1',
    { address: '169.254.169.254' },
    'address_forbidden a',
  ],
  'T120: nor to metadata through NAT64': [
    { applications: [open('a', ['w:1'])] },
    'w:1',
    { address: '64:ff9b::a9fe:a9fe' },
    'address_forbidden a',
  ],
  'T120: nor to 0.0.0.0': [
    { applications: [open('a', ['w:1'])] },
    'w:1',
    { address: '0.0.0.0' },
    'address_forbidden a',
  ],
  'T120: nor to multicast': [
    { applications: [open('a', ['w:1'])] },
    'w:1',
    { address: '224.0.0.1' },
    'address_forbidden a',
  ],
  'T120: nor to broadcast': [
    { applications: [open('a', ['w:1'])] },
    'w:1',
    { address: '255.255.255.255' },
    'address_forbidden a',
  ],
  'T120: metadata stays shut when an application names it': [
    { applications: [open('a', ['169.254.169.254:80'])] },
    '169.254.169.254:80',
    {},
    'address_forbidden a',
  ],
  'T120: a rule does not open loopback': [
    { network_rules: [rule('yes', 1, 'allow', '127.0.0.1:80')] },
    '127.0.0.1:80',
    {},
    'address_forbidden yes',
  ],
  'T120: an application on everything does not open loopback': [
    { applications: [open('a', ['0.0.0.0/0:*'])] },
    '127.0.0.1:80',
    {},
    'address_forbidden a',
  ],
  'T120: an application on loopback opens it for the literal': [
    { applications: [open('a', ['127.0.0.1:8080'])] },
    '127.0.0.1:8080',
    { address: '127.0.0.1' },
    'allowed_by_policy a',
  ],
  'T120: also as IPv6': [
    { applications: [open('a', ['[::1]:8080'])] },
    '[::1]:8080',
    {},
    'allowed_by_policy a',
  ],
  'T120: a block on the address wins over the name': [
    {
      applications: [open('a', ['w:1'])],
      network_rules: [
        { phase: 'application', precedence: 1 },
        rule('no', 2, 'block', '10.0.0.0/8:*'),
      ],
    },
    'w:1',
    { address: '10.0.0.5' },
    'blocked_by_rule no',
  ],
  'G4: the owner of the address must permit too': [
    {
      applications: [
        open('a', ['w:1']),
        guarded('net', '10.0.0.0/24:*', { include: [{ group: 'ops' }] }),
      ],
    },
    'w:1',
    { address: '10.0.0.5' },
    'address_not_permitted a',
  ],
  'G4: and when it does, the name passes': [
    { applications: [open('a', ['w:1']), open('net', ['10.0.0.0/24:*'])] },
    'w:1',
    { address: '10.0.0.5' },
    'allowed_by_policy a',
  ],
  'G4: users of neither application are nobody': [
    { applications: [ssh('a', 'w:22', ['demo']), ssh('net', '10.0.0.0/24:22', ['root'])] },
    'w:22',
    { address: '10.0.0.5' },
    'address_not_permitted a',
  ],
  'T120: a public name that points inside (rebinding)': [
    { public_default: 'allow' },
    'evil.org:80',
    { address: '10.0.0.5' },
    'address_not_permitted',
  ],
  'T120: a public name that points outside': [
    { public_default: 'allow' },
    'fine.org:80',
    { address: '93.184.216.34' },
    'allowed_by_default',
  ],
  'T120: a literal with another address behind it': [
    { applications: [open('a', ['10.0.0.0/8:*'])] },
    '10.0.0.5:80',
    { address: '10.0.0.6' },
    'bad_destination',
  ],
}

for (const [title, [policy, endpoint, change, wanted]] of Object.entries({
  ...destinations,
  ...policies,
  ...rules,
  ...addresses,
})) {
  test(title, (t) => {
    const decision = evaluate(policyOf(policy), factsOf(endpoint, change), NOW)
    const by = decision.rule ?? decision.application
    t.is([decision.reason, by].filter(Boolean).join(' '), wanted)
    t.is(decision.kind, wanted.startsWith('allowed') ? 'permit' : 'denial')
    t.is(decision.revision, 7)
  })
}

test('A1: an ssh application gives its limits to the permit', (t) => {
  const policy = policyOf({
    applications: [
      open('a', ['w:22'], { protocol: 'ssh', ssh: { unix_users: ['demo'] }, idle_timeout: '10m' }),
    ],
  })
  const decision = evaluate(policy, factsOf('w:22'), NOW)
  t.like(decision, {
    kind: 'permit',
    policy: 'all',
    idleTimeoutMs: 600_000,
    enforcement: { kind: 'ssh', ssh: { unixUsers: ['demo'], record: 'required', hostKeys: [] } },
  })
})

test('G4: a name reached by relay keeps the ssh limits of the address it leads to', (t) => {
  const policy = policyOf({
    applications: [
      open('wide', ['*.corp:*']),
      { ...ssh('host', '10.0.0.5:22', ['demo']), idle_timeout: '1m' },
    ],
  })
  const decision = decideAddress(policy, factsOf('db.corp:22', { address: '10.0.0.5' }), NOW)
  t.like(decision, {
    kind: 'permit',
    application: 'wide',
    idleTimeoutMs: 60_000,
    enforcement: { kind: 'ssh' },
  })
})

test('T120: the gateway own ports are never a destination', (t) => {
  const policy = policyOf(
    { applications: [open('a', ['10.0.0.1:*', '127.0.0.1:*'])] },
    { addresses: ['10.0.0.1'], ports: [8443] },
  )
  t.is(evaluate(policy, factsOf('10.0.0.1:8443'), NOW).reason, 'address_forbidden')
  t.is(evaluate(policy, factsOf('127.0.0.1:8443'), NOW).reason, 'address_forbidden')
  t.is(evaluate(policy, factsOf('10.0.0.1:8444'), NOW).reason, 'allowed_by_policy')
})

test('G3: the first decision looks at no address, the second at nothing without one', (t) => {
  const policy = policyOf({ applications: [open('a', ['w:1'])] })
  t.is(decide(policy, factsOf('w:1', { address: '127.0.0.1' }), NOW).reason, 'allowed_by_policy')
  t.is(
    decideAddress(policy, factsOf('w:1', { address: '127.0.0.1' }), NOW).reason,
    'address_forbidden',
  )
  t.is(decideAddress(policy, factsOf('w:1'), NOW).kind, 'denial')
})

test('A6 T87: somebody who is disabled gets nothing, by whatever rule', (t) => {
  const policy = policyOf({
    public_default: 'allow',
    applications: [open('a', ['w:1'])],
    network_rules: [rule('r', 1, 'allow', 'x.corp:1')],
  })
  for (const to of ['w:1', 'x.corp:1', 'example.org:443']) {
    t.is(evaluate(policy, factsOf(to), NOW).kind, 'permit', to)
    const { kind, reason } = evaluate(policy, factsOf(to, { isDisabled: true }), NOW)
    t.deepEqual([kind, reason], ['denial', 'user_disabled'], to)
  }
})

const SERVICE = { tokenId: 'zt-service-1', name: 'backup' } as const
const served = { include: [{ service_token: 'backup' }] }

test('A11 T87: a service whose token is disabled or over gets nothing, and a permit ends with the token', (t) => {
  const policy = policyOf({
    applications: [guarded('a', 'w:1', { decision: 'service', ...served })],
  })
  const asked = (service: object) => {
    const facts = factsOf('w:1', { service: { ...SERVICE, ...service } })
    const { kind, reason, validUntilSeconds } = evaluate(policy, facts, NOW)
    return [kind, reason, validUntilSeconds]
  }
  t.deepEqual(asked({}), ['permit', 'allowed_by_policy', undefined])
  const end = { expiresAtMs: (NOW + 5) * 1000 }
  t.deepEqual(asked(end), ['permit', 'allowed_by_policy', NOW + 5])
  t.deepEqual(asked({ expiresAtMs: NOW * 1000 }), ['denial', 'service_token_expired', undefined])
  t.deepEqual(asked({ isDisabled: true }), ['denial', 'service_token_disabled', undefined])
  t.deepEqual(asked({ name: 'other' }), ['denial', 'no_policy_matched', undefined])
})

test('A11 T89: a service obeys the same rules on addresses and devices as people', (t) => {
  const bound = { ...served, require: [{ ip_range: '192.0.2.0/24' }, { device_id: ALICE_DEVICE }] }
  const policy = policyOf({
    applications: [guarded('a', 'w:1', { decision: 'service', ...bound })],
  })
  const asked = (sourceAddress: string, deviceId: string) =>
    evaluate(policy, factsOf('w:1', { service: SERVICE, sourceAddress, deviceId }), NOW).kind
  t.is(asked('192.0.2.9', ALICE_DEVICE), 'permit')
  t.is(asked('198.51.100.7', ALICE_DEVICE), 'denial')
  t.is(asked('192.0.2.9', 'other'), 'denial')
})

test('A11 A5: a service whose sessions were revoked is denied, and is not asked to log in', (t) => {
  const policy = policyOf({
    applications: [guarded('a', 'w:1', { decision: 'service', ...served })],
  })
  const facts = factsOf('w:1', { service: SERVICE })
  const revoked = { ...facts, loginsNotBefore: { allMs: Number.MAX_SAFE_INTEGER } }
  const { kind, reason, ...rest } = evaluate(policy, revoked, NOW)
  t.deepEqual([kind, reason], ['denial', 'session_revoked'])
  t.like(rest, { remedy: 'none' })
})

test('T95: facts without a subject deny and do not throw', (t) => {
  const policy = policyOf({
    applications: [guarded('a', 'w:1', { include: [{ group: 'x' }, { email: 'a@b.c' }] })],
  })
  const { subject: _, ...bare } = factsOf('w:1')
  t.is(evaluate(policy, bare as unknown as Facts, NOW).reason, 'no_policy_matched')
})

for (const host of ['', '0x7f.1', '127.1', 'a b', '*.corp', '1.2.3.4.5', 'x\n']) {
  test(`T120: ${JSON.stringify(host)} is no destination`, (t) => {
    const facts = factsOf('w:1')
    const odd = { ...facts, destination: { ...facts.destination, host } }
    t.is(evaluate(policyOf({ public_default: 'allow' }), odd, NOW).reason, 'bad_destination')
  })
}

test('the trace tells what was looked at, in order', (t) => {
  const policy = policyOf({
    applications: [guarded('a', 'w:1', { include: [{ group: 'ops' }] })],
    network_rules: [rule('log', 1, 'continue', '*:1')],
  })
  t.deepEqual(evaluate(policy, factsOf('w:1'), NOW).trace, [
    { phase: 'network', name: 'log', outcome: 'matched', detail: 'continue' },
    { phase: 'application', name: 'a', outcome: 'matched', detail: 'w:1' },
    { phase: 'application', name: 'a/p', outcome: 'no_match', detail: 'allow' },
  ])
})
