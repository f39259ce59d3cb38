import test from 'ava'
import fc from 'fast-check'
import { POSTURE_FINDING } from '#lib/wire/posture-schema'
import { judgePosture, type TimedObservation } from '../../../gateway/policy/judge-posture.ts'
import type { PostureCheck, PostureExpectation } from '../../../gateway/policy/posture-check.ts'
import { requestOf } from '../../../gateway/policy/posture-check.ts'
import type { PostureFailure, PostureFinding } from '../../../lib/wire/posture-message.ts'

const NOW = 10_000_000
const MAX_AGE = 300_000
const A = 'a'.repeat(64)
const B = 'b'.repeat(64)

const check = (expected: PostureExpectation): PostureCheck => ({
  name: 'it',
  everyMs: 60_000,
  maxAgeMs: MAX_AGE,
  ...expected,
})
const about = (
  asked: PostureCheck,
  found: PostureFinding | PostureFailure,
  change: Partial<TimedObservation> = {},
): TimedObservation => {
  const { name, kind, lookAt } = requestOf(asked)
  return { name, kind, lookAt, observedAtMs: NOW - 1000, found, ...change }
}

const debian: PostureExpectation = { kind: 'os_version', system: 'debian', minimum: '12.4' }
const file: PostureExpectation = { kind: 'file', path: '/etc/agent', state: 'present', sha256: [] }
const pinned: PostureExpectation = { ...file, sha256: [A] }
const disks: PostureExpectation = { kind: 'disk_encryption', mounts: [] }
const root: PostureExpectation = { kind: 'disk_encryption', mounts: ['/'] }
const agent: PostureExpectation = { kind: 'process', process: 'agent', sha256: [] }
const client: PostureExpectation = { kind: 'client_version', minimum: '0.2' }
const sshd: PostureExpectation = { kind: 'sshd_config', keyword: 'permitrootlogin', value: 'no' }
const joined: PostureExpectation = { kind: 'domain_join', domain: 'corp.example' }
const serial: PostureExpectation = { kind: 'serial', serials: ['ABC-1'] }
const running = (...digests: (string | undefined)[]): PostureFinding => ({
  kind: 'process',
  running: digests.map((sha256, at) => ({ path: `/bin/${at}`, ...(sha256 && { sha256 }) })),
})
const os = (versions: Record<string, string>): PostureFinding => ({ kind: 'os_version', versions })

const cases: Record<string, [PostureExpectation, PostureFinding | PostureFailure, boolean]> = {
  'os_version: the lowest version': [debian, os({ debian: '12.4' }), true],
  'os_version: 12.10 is later than 12.4': [debian, os({ debian: '12.10' }), true],
  'os_version: text behind the numbers': [debian, os({ debian: '12.4-rc1' }), true],
  'os_version: an earlier version': [debian, os({ debian: '12.3.9' }), false],
  'os_version: fewer numbers': [debian, os({ debian: '12' }), false],
  'os_version: another system': [debian, os({ fedora: '41', linux: '6.1' }), false],
  'os_version: a system named like a property of objects': [
    { ...debian, system: 'constructor' },
    os({}),
    false,
  ],
  'os_version: no numbers': [debian, os({ debian: 'bookworm' }), false],
  'os_version: empty': [debian, os({ debian: '' }), false],
  'os_version: numbers that no version has': [debian, os({ debian: '9'.repeat(200) }), false],
  'os_version: negative': [debian, os({ debian: '-13' }), false],
  'disk_encryption: all are': [
    disks,
    { kind: 'disk_encryption', mounts: [{ mount: '/', encrypted: true }] },
    true,
  ],
  'disk_encryption: one is not': [
    disks,
    {
      kind: 'disk_encryption',
      mounts: [
        { mount: '/', encrypted: true },
        { mount: '/boot', encrypted: false },
      ],
    },
    false,
  ],
  'disk_encryption: none reported': [disks, { kind: 'disk_encryption', mounts: [] }, false],
  'disk_encryption: the mount asked for is not reported': [
    root,
    { kind: 'disk_encryption', mounts: [{ mount: '/home', encrypted: true }] },
    false,
  ],
  'firewall: on': [{ kind: 'firewall' }, { kind: 'firewall', enabled: true, by: 'nftables' }, true],
  'firewall: off': [{ kind: 'firewall' }, { kind: 'firewall', enabled: false }, false],
  'file: there': [file, { kind: 'file', exists: true }, true],
  'file: gone': [file, { kind: 'file', exists: false }, false],
  'file: the content': [pinned, { kind: 'file', exists: true, sha256: A }, true],
  'file: another content': [pinned, { kind: 'file', exists: true, sha256: B }, false],
  'file: a content that could not be read': [pinned, { kind: 'file', exists: true }, false],
  'file: absent as wanted': [{ ...file, state: 'absent' }, { kind: 'file', exists: false }, true],
  'file: there though unwanted': [
    { ...file, state: 'absent' },
    { kind: 'file', exists: true },
    false,
  ],
  'process: runs': [agent, running(A), true],
  'process: does not run': [agent, running(), false],
  'process: one of several is the right one': [{ ...agent, sha256: [A] }, running(B, A), true],
  'process: none is': [{ ...agent, sha256: [A] }, running(B, undefined), false],
  'client_version: recent': [client, { kind: 'client_version', version: '0.2.0' }, true],
  'client_version: too old': [client, { kind: 'client_version', version: '0.1.9' }, false],
  'client_version: none': [client, { kind: 'client_version', version: 'dev' }, false],
  'sshd_config: in other letters': [sshd, { kind: 'sshd_config', value: 'No' }, true],
  'sshd_config: another value': [sshd, { kind: 'sshd_config', value: 'yes' }, false],
  'sshd_config: a value that only begins so': [
    sshd,
    { kind: 'sshd_config', value: 'no-really' },
    false,
  ],
  'domain_join: joined': [joined, { kind: 'domain_join', domains: ['x', 'CORP.EXAMPLE'] }, true],
  'domain_join: another': [joined, { kind: 'domain_join', domains: ['corp.example.evil'] }, false],
  'domain_join: none': [joined, { kind: 'domain_join', domains: [] }, false],
  'serial: listed': [serial, { kind: 'serial', serial: 'abc-1' }, true],
  'serial: not listed': [serial, { kind: 'serial', serial: 'ABC-2' }, false],
  'serial: empty': [serial, { kind: 'serial', serial: '' }, false],
}
for (const [title, [expected, found, passed]] of Object.entries(cases)) {
  test(`D10 ${title}: ${passed ? 'passes' : 'fails'}`, (t) => {
    const asked = check(expected)
    const judged = judgePosture(asked, about(asked, found), NOW)
    t.is(judged.passed, passed)
    t.is(judged.validUntilMs, NOW - 1000 + MAX_AGE)
    t.not(judged.detail, '')
  })
}

const asked = check(file)
const good: PostureFinding = { kind: 'file', exists: true }
const refused: Record<string, TimedObservation | undefined> = {
  'nothing was reported': undefined,
  'it has gone stale': about(asked, good, { observedAtMs: NOW - MAX_AGE }),
  'the report is of another check': about(asked, good, { name: 'other' }),
  'the report is of another kind': about(asked, good, { kind: 'process' }),
  'the report is about another path': about(asked, good, { lookAt: ['/etc/other'] }),
  'the report is about more paths': about(asked, good, { lookAt: ['/etc/agent', '/x'] }),
  'the finding is of another kind': about(asked, { kind: 'firewall', enabled: true }),
  'the device could not read it': about(asked, { kind: 'none', reason: 'unreadable' }),
  'the daemon does not know the kind': about(asked, { kind: 'none', reason: 'unsupported' }),
  'the system is not supported': about(asked, { kind: 'none', reason: 'unsupported_system' }),
}
for (const [title, observation] of Object.entries(refused)) {
  test(`D10 T95: ${title}: fails`, (t) => {
    t.false(judgePosture(asked, observation, NOW).passed)
  })
}

test('D10: what is expected is neither sent to devices nor told in a detail', (t) => {
  const secrets: PostureExpectation[] = [
    { ...pinned },
    { ...agent, sha256: [A] },
    { ...serial },
    { ...joined },
    { ...sshd, value: A },
    { ...client, minimum: '99.7.5' },
    { ...debian, minimum: '99.7.5' },
  ]
  const expected = /a{64}|ABC-1|corp\.example|99\.7\.5/
  for (const one of secrets.map(check)) {
    t.notRegex(JSON.stringify(requestOf(one)), expected)
    for (const found of [running(B), os({ debian: '1' }), good] as const) {
      t.notRegex(judgePosture(one, about(one, found), NOW).detail, expected)
    }
  }
})

const expectations = Object.values(cases).map(([expected]) => expected)
const findings = fc.oneof(
  fc.constantFrom(...Object.values(cases).map(([, found]) => found)),
  fc.anything(),
)
test('D10 T95: the judge never throws, and stale never passes', (t) => {
  const property = fc.property(fc.constantFrom(...expectations), findings, (expected, found) => {
    const one = check(expected)
    const parsed = POSTURE_FINDING.safeParse(found)
    if (!parsed.success) return true
    const old = about(one, parsed.data, { observedAtMs: NOW - MAX_AGE - 1 })
    judgePosture(one, about(one, parsed.data), NOW)
    return !judgePosture(one, old, NOW).passed
  })
  t.notThrows(() => fc.assert(property, { numRuns: 200 }))
})
