import test from 'ava'
import fc from 'fast-check'
import {
  formatPorts,
  parsePort,
  parsePorts,
  portCount,
  portsContain,
  portsCover,
  portsOverlap,
} from '#lib/net/ports'

const cases = {
  'reads one': ['443', '443'],
  'reads a list with a range': ['80,443,8000-8100', '80,443,8000-8100'],
  'reads spaces after commas': ['80, 443', '80,443'],
  'merges what touches': ['82,80-81,81-90', '80-90'],
  'reads all': ['*', '*'],
  'knows all when written out': ['1-65535', '*'],
  'refuses port 0': ['0', 'bad_port'],
  'refuses a port over 65535': ['65536', 'bad_port'],
  'refuses a range backwards': ['90-80', 'bad_port'],
  'refuses a leading zero': ['080', 'bad_port'],
  'refuses an empty part': ['80,', 'bad_port'],
  'refuses nothing': ['', 'bad_port'],
  'refuses a sign': ['+80', 'bad_port'],
  'refuses a half range': ['80-', 'bad_port'],
} as const
for (const [title, [text, wanted]] of Object.entries(cases)) {
  test(`ports: ${title}`, (t) => {
    const parsed = parsePorts(text)
    t.is(parsed.ok ? formatPorts(parsed.value) : parsed.error.reason, wanted)
  })
}

test('ports: a single port is a plain decimal', (t) => {
  t.deepEqual(parsePort('65535'), { ok: true, value: 65535 })
  for (const text of ['0', '1e3', ' 1', '0x10', '99999']) t.false(parsePort(text).ok, text)
})

test('ports: overlap, cover and count mean what a list of ports means', (t) => {
  const port = fc.integer({ min: 1, max: 40 })
  const range = fc.tuple(port, port).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`)
  const set = fc.array(range, { minLength: 1, maxLength: 4 }).map((parts) => parts.join(','))
  const holds = fc.property(set, set, (first, second) => {
    const a = parsePorts(first)
    const b = parsePorts(second)
    if (!a.ok || !b.ok) return false
    const all = Array.from({ length: 41 }, (_, index) => index)
    const common = all.some((one) => portsContain(a.value, one) && portsContain(b.value, one))
    const within = all.filter((one) => portsContain(b.value, one))
    t.is(portCount(b.value), within.length)
    t.is(
      portsCover(a.value, b.value),
      within.every((one) => portsContain(a.value, one)),
    )
    const again = parsePorts(formatPorts(a.value))
    t.deepEqual(again, a)
    return portsOverlap(a.value, b.value) === common
  })
  fc.assert(holds)
})
