import test from 'ava'
import fc from 'fast-check'
import { kerberosRealms, sambaDomains, sssdDomains } from '../../../daemon/posture/domain-files.ts'
import { firewalldFilters, nftFilters, ufwFilters } from '../../../daemon/posture/firewall-state.ts'
import { parseDiskMounts } from '../../../daemon/posture/mount-table.ts'
import { parseOsRelease } from '../../../daemon/posture/os-release.ts'
import {
  type Found,
  type Look,
  lookFor,
  observationsOf,
  packObservations,
  planLooks,
  withLook,
} from '../../../daemon/posture/plan.ts'
import { postureStatus } from '../../../daemon/posture/posture-status.ts'
import { parseSshdConfig, printedSetting } from '../../../daemon/posture/sshd-config.ts'
import type { PostureRequest } from '../../../lib/wire/posture-message.ts'
import { POSTURE_CHECK_LIMIT } from '../../../lib/wire/posture-schema.ts'

const file = (name: string, everyMs = 1000, path = '/etc/agent'): PostureRequest => ({
  ...{ name, kind: 'file', lookAt: [path], everyMs },
})
const at = (ms: number) => ({ wallMs: ms, steadyMs: ms })
const there: Found = { kind: 'file', exists: true }
const look = (request: PostureRequest, ms: number): Look => ({ request, found: there, at: at(ms) })

test('D10: what was never looked at is due, then every so often', (t) => {
  const [a, b] = [file('a', 1000), file('b', 3000)]
  t.deepEqual(planLooks([a, b], [], at(0)), { due: [a, b], waitMs: 1000 })
  t.deepEqual(planLooks([a, b], [look(a, 0), look(b, 0)], at(400)), { due: [], waitMs: 600 })
  t.deepEqual(planLooks([a, b], [look(a, 0), look(b, 0)], at(1000)), { due: [a], waitMs: 1000 })
  t.deepEqual(planLooks([], [], at(0)), { due: [] })
})

test('D10: a check that looks elsewhere now was never looked at', (t) => {
  const before = look(file('a'), 0)
  t.is(lookFor(file('a', 5000), [before]), before)
  t.is(lookFor(file('a', 1000, '/etc/other'), [before]), undefined)
})

test('D10: an observation carries its age; one older than a day is none', (t) => {
  const looks = [look(file('a'), 0), look(file('b'), 86_400_000)]
  t.deepEqual(
    observationsOf(looks, at(86_400_005)).map(({ name, observedAgoMs }) => [name, observedAgoMs]),
    [['b', 5]],
  )
})

test('D10: observations go in messages of a bounded size, none is lost', (t) => {
  const property = fc.property(
    fc.array(fc.string({ maxLength: 200 }), { maxLength: 40 }),
    fc.integer({ min: 250, max: 4000 }),
    (paths, limit) => {
      const looks = paths.map((path, index) => look(file(String(index), 1000, path), 0))
      const batches = packObservations(observationsOf(looks, at(1)), limit)
      t.is(batches.flat().length, paths.length)
      return batches.every(
        (batch) => batch.length === 1 || JSON.stringify(batch).length <= limit + 1,
      )
    },
  )
  t.notThrows(() => fc.assert(property, { numRuns: 100 }))
  const [huge] = observationsOf([look(file('a', 1, 'x'.repeat(50)), 0)], at(0))
  const found = { kind: 'serial', serial: 'x'.repeat(9000) } as const
  const packed = packObservations(huge === undefined ? [] : [{ ...huge, found }], 1000)
  t.like(packed[0]?.[0]?.found, { kind: 'none', reason: 'unreadable' })
})

test('D10: a message carries no more observations than the gateway takes', (t) => {
  const many = Array.from({ length: POSTURE_CHECK_LIMIT + 6 }, (_, index) =>
    look(file(`${index}`), 0),
  )
  const batches = packObservations(observationsOf(many, at(1)), 1024 * 1024)
  t.deepEqual(
    batches.map(({ length }) => length),
    [POSTURE_CHECK_LIMIT, 6],
  )
})

test('D10: of two looks at the same thing the later one is told', (t) => {
  const [a, b] = [look(file('a'), 1), look(file('b'), 1)]
  const [again, elsewhere] = [look(file('a', 5000), 2), look(file('a', 1000, '/etc/other'), 2)]
  t.deepEqual(withLook([a, b], again), [b, again])
  t.deepEqual(withLook([a, b], elsewhere), [a, b, elsewhere])
})

test('D10: a status is what the gateway said, as long as it holds', (t) => {
  const request = file('a')
  const results = [{ name: 'a', passed: true, detail: 'As expected.', validForMs: 500 }]
  const status = (ms: number) =>
    postureStatus(request, look(request, 0), { results, at: at(0) }, at(ms)).result
  t.is(status(499), 'passed')
  t.is(status(500), 'failed')
  t.is(postureStatus(request, undefined, undefined, at(0)).result, 'unknown')
})

test('os-release: id and version, quoted or not', (t) => {
  t.deepEqual(parseOsRelease('NAME="X"\nID=debian\nVERSION_ID="12"\n'), {
    id: 'debian',
    version: '12',
  })
  t.deepEqual(parseOsRelease("ID='fedora'\nVERSION_ID=41"), { id: 'fedora', version: '41' })
  for (const text of ['', 'ID=arch\n', 'VERSION_ID=1\n', '#ID=x\n#VERSION_ID=1']) {
    t.is(parseOsRelease(text), undefined)
  }
})

test('mounts: block devices, the topmost at each place', (t) => {
  const text = [
    '22 1 254:0 / / rw,relatime - ext4 /dev/mapper/root rw',
    '23 22 0:5 / /proc rw - proc proc rw',
    '24 22 8:1 / /my\\040disk rw shared:1 - ext4 /dev/sda1 rw',
    '25 22 7:0 / /snap/core ro - squashfs /dev/loop0 ro',
    '26 22 8:2 / /covered rw - ext4 /dev/sda2 rw',
    '27 26 0:9 / /covered rw - tmpfs tmpfs rw',
    'garbage',
  ].join('\n')
  t.deepEqual(parseDiskMounts(text), [
    { mount: '/', device: '254:0', source: '/dev/mapper/root' },
    { mount: '/my disk', device: '8:1', source: '/dev/sda1' },
  ])
})

const inTable = (...lines: readonly string[]) => `table inet t {\n${lines.join('\n')}\n}\n`
const chain = (name: string, ...lines: readonly string[]) =>
  `\tchain ${name} {\n${lines.map((line) => `\t\t${line}`).join('\n')}\n\t}`
const INPUT = 'type filter hook input priority filter; policy'
const OUTPUT = 'type filter hook output priority filter; policy'
const rulesets: Record<string, [string, boolean]> = {
  'a policy that drops': [inTable(chain('in', `${INPUT} drop;`)), true],
  'a rule that rejects': [
    inTable(chain('in', `${INPUT} accept;`, 'ct state new reject with icmpx admin-prohibited')),
    true,
  ],
  'a rule behind a set over several lines': [
    inTable(chain('in', `${INPUT} accept;`, 'ip saddr { 1.1.1.1,', '\t 2.2.2.2 } drop')),
    true,
  ],
  'a map of verdicts': [
    inTable(chain('in', `${INPUT} accept;`, 'tcp dport vmap { 22 : accept, 23 : drop }')),
    true,
  ],
  'a chain on a device': [
    inTable(chain('in', 'type filter hook ingress device "eth0" priority 0; policy drop;')),
    true,
  ],
  'the second table': [
    inTable(chain('in', `${INPUT} accept;`)) + inTable(chain('in', `${INPUT} drop;`)),
    true,
  ],
  'a chain that accepts all': [inTable(chain('in', `${INPUT} accept;`)), false],
  nothing: ['', false],
  'what is no ruleset': ['drop } chain { type filter hook input; policy drop', false],
  'a filter on what is forwarded': [
    inTable(chain('x', 'type filter hook forward priority 0; policy drop;')),
    false,
  ],
  'the comment of a rule': [
    inTable(chain('in', `${INPUT} accept;`, 'tcp dport 22 accept comment "drop this; or reject"')),
    false,
  ],
  'the comment of a chain': [inTable(chain('in', 'comment "drop"', `${INPUT} accept;`)), false],
  'a prefix of the log': [
    inTable(chain('in', `${INPUT} accept;`, 'log prefix "drop "', 'counter # drop')),
    false,
  ],
  'another chain': [
    inTable(chain('in', `${INPUT} accept;`), chain('out', `${OUTPUT} drop;`)),
    false,
  ],
  'another table': [
    inTable(chain('in', `${INPUT} accept;`)) + inTable(chain('out', `${OUTPUT} drop;`)),
    false,
  ],
  'a set of the next table': [
    `${inTable(chain('in', `${INPUT} accept;`))}table ip u {\n\tset drop {\n\t}\n\tcounter reject {\n\t}\n}`,
    false,
  ],
  'a chain that nothing is hung to': [inTable(chain('in', 'drop')), false],
  'a jump to a chain that is named so': [
    inTable(chain('in', `${INPUT} accept;`, 'jump drop-all', 'goto reject', 'jump drop')),
    false,
  ],
  'a table that sleeps': [inTable('\tflags dormant', '', chain('in', `${INPUT} drop;`)), false],
  'a translation of addresses': [
    inTable(chain('in', 'type nat hook prerouting priority dstnat; policy drop;')),
    false,
  ],
}
for (const [title, [ruleset, filters]] of Object.entries(rulesets)) {
  test(`nft: ${title} ${filters ? 'filters' : 'does not filter'}`, (t) => {
    t.is(nftFilters(ruleset), filters)
  })
}

test('nft: the parser never throws, and a ruleset says the same however it is spaced', (t) => {
  const words = ['table', 'chain', 'in', 'drop', '{', '}', ';', '\n', '"', '#', ',', ' ', INPUT]
  const text = fc.array(fc.constantFrom(...words), { maxLength: 60 }).map((all) => all.join(' '))
  const reads = fc.property(fc.oneof(text, fc.string()), (ruleset) => {
    nftFilters(ruleset)
  })
  t.notThrows(() => fc.assert(reads, { numRuns: 200 }))
  t.false(nftFilters('{'.repeat(100_000)))
  for (const [title, [ruleset, filters]] of Object.entries(rulesets)) {
    t.is(nftFilters(ruleset.replaceAll('\t', '      ').replaceAll('\n', '\n\n')), filters, title)
  }
})

test('ufw and firewalld say whether they are on', (t) => {
  t.true(ufwFilters('Status: active\n\nTo  Action\n'))
  t.false(ufwFilters('Status: inactive\n'))
  t.true(firewalldFilters('running\n'))
  t.false(firewalldFilters('not running\n'))
})

test('sshd: settings as printed, and as written', (t) => {
  const printed = 'port 22\npermitrootlogin without-password\npermitrootloginx yes\n'
  t.is(printedSetting(printed, 'permitrootlogin'), 'without-password')
  t.is(printedSetting(printed, 'permit'), undefined)
  t.deepEqual(parseSshdConfig('# Port 1\n  PermitRootLogin = "no"\nMatch User x\n\n'), [
    { keyword: 'permitrootlogin', value: 'no' },
    { keyword: 'match', value: 'User x' },
  ])
})

test('domains: from sssd, Samba and Kerberos', (t) => {
  t.deepEqual(sssdDomains('[sssd]\ndomains = corp.example, b\n[domain/corp.example]\nx = y'), [
    'corp.example',
    'b',
  ])
  t.deepEqual(sambaDomains('[global]\n  security = ADS\n  realm = CORP.EXAMPLE'), ['CORP.EXAMPLE'])
  t.deepEqual(sambaDomains('[global]\n  security = user\n  realm = CORP.EXAMPLE'), [])
  t.deepEqual(kerberosRealms('[libdefaults]\n default_realm = CORP.EXAMPLE\n'), ['CORP.EXAMPLE'])
  t.deepEqual(kerberosRealms('[realms]\n default_realm = X\n# default_realm = Y'), [])
})

test('T123: parsers of posture never throw', (t) => {
  const parsers = [
    ...[parseOsRelease, parseDiskMounts, nftFilters, parseSshdConfig],
    ...[sssdDomains, sambaDomains, kerberosRealms],
  ]
  const text = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'[]=\n /"\\-a1') }))
  t.notThrows(() =>
    fc.assert(
      fc.property(text, (one) => {
        for (const parse of parsers) parse(one)
      }),
      { numRuns: 200 },
    ),
  )
})
