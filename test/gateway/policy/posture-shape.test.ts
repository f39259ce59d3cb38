import test from 'ava'
import { parsePolicy } from '../../../gateway/policy/parse.ts'
import { isAtLeast, parseVersion } from '../../../gateway/policy/version.ts'

const parse = (...checks: unknown[]) => parsePolicy({ posture_checks: checks })
const file = { name: 'agent', kind: 'file', path: '/etc/agent' }

test('D10: a check has its times by default', (t) => {
  const parsed = parse(file)
  t.deepEqual(parsed.ok && parsed.value.postureChecks, [
    { ...file, state: 'present', sha256: [], everyMs: 60_000, maxAgeMs: 300_000 } as never,
  ])
})

test('D10: serials come from the check and from the list that it names', (t) => {
  const parsed = parsePolicy({
    lists: [{ name: 'laptops', kind: 'serial', values: ['B'] }],
    posture_checks: [{ name: 's', kind: 'serial', serials: ['A'], serial_list: 'laptops' }],
  })
  t.like(parsed, { value: { postureChecks: [{ serials: ['A', 'B'] }] } })
})

const refused: Record<string, readonly [readonly unknown[], RegExp]> = {
  'an unknown kind': [[{ ...file, kind: 'magic' }], /not one of os_version/],
  'no kind': [[{ name: 'agent' }], /"kind" is missing/],
  'a key of another kind (T92)': [[{ ...file, domain: 'x' }], /unknown key/],
  'a relative path': [[{ ...file, path: 'etc/agent' }], /not an absolute path/],
  'a path with a line feed': [[{ ...file, path: '/a\n' }], /not an absolute path/],
  'a name used twice': [[file, file], /used twice/],
  'a number for a version': [
    [{ name: 'v', kind: 'client_version', minimum: 12.1 }],
    /not a version/,
  ],
  'a word for a version': [[{ name: 'v', kind: 'client_version', minimum: 'new' }], /numbers/],
  'an age shorter than the rhythm': [[{ ...file, every: '10m' }], /shorter than "every"/],
  'an age longer than a day': [[{ ...file, max_age: '2d' }], /longer than a day/],
  'a rhythm below a second': [[{ ...file, every: '10ms' }], /once a second/],
  'a digest that is none': [[{ ...file, sha256: ['abc'] }], /SHA-256/],
  'no serial at all': [[{ name: 's', kind: 'serial' }], /name serials, or a serial_list/],
  'a list of serials that is not there': [
    [{ name: 's', kind: 'serial', serial_list: 'laptops' }],
    /no list of kind serial "laptops"/,
  ],
  'a path for a name of a process': [
    [{ name: 'p', kind: 'process', process: 'bin/agent' }],
    /absolute path, or the name/,
  ],
}
for (const [title, [checks, message]] of Object.entries(refused)) {
  test(`D10: ${title} is a mistake`, (t) => {
    const parsed = parse(...checks)
    t.regex(parsed.ok ? '' : parsed.error.map((one) => one.message).join('\n'), message)
  })
}

test('versions are compared number by number', (t) => {
  const holds = (a: string, b: string) => isAtLeast(parseVersion(a) ?? [], parseVersion(b) ?? [])
  t.true(holds('6.1.0-18-amd64', '6.1'))
  t.true(holds('12', '12.0.0'))
  t.false(holds('12.9', '12.10'))
  for (const text of ['', '.1', 'v1', '-1', '1'.repeat(10)]) t.is(parseVersion(text), undefined)
})
