import test from 'ava'
import fc from 'fast-check'
import { PortIndex } from '#lib/net/port-index'
import { parsePorts, portsContain } from '#lib/net/ports'

test('port index: finds what a scan finds, in the same order', (t) => {
  const port = fc.integer({ min: 1, max: 30 })
  const range = fc.tuple(port, port).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`)
  const set = fc.oneof(
    fc.constantFrom('*', '65535', '1'),
    fc.array(range, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(',')),
  )
  const asked = fc.oneof(port, fc.constantFrom(0, 65535, 65536))
  const same = fc.property(fc.array(set, { maxLength: 12 }), asked, (texts, wanted) => {
    const entries = texts.flatMap((text, value) => {
      const ports = parsePorts(text)
      return ports.ok ? [{ ports: ports.value, value }] : []
    })
    const scanned = entries.filter(({ ports }) => portsContain(ports, wanted))
    t.deepEqual(
      new PortIndex(entries).at(wanted),
      scanned.map(({ value }) => value),
    )
  })
  fc.assert(same)
})
