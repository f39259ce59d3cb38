import test from 'ava'
import fc from 'fast-check'
import { changesBetween, type Look } from '../../../daemon/life/change.ts'

const look = (change: Partial<Look> = {}, wallMs = 0, steadyMs = wallMs): Look => ({
  at: { wallMs, steadyMs },
  addresses: ['wlan0 192.0.2.7'],
  resolver: 'a',
  ...change,
})
const HOUR_MS = 3_600_000

const table: Record<string, readonly [Look, readonly string[]]> = {
  'half a second later': [look({}, 500), []],
  'a look that a busy machine took late': [look({}, 2400), []],
  'a process that was stopped for a while': [look({}, 3100), ['slept']],
  'a machine that was asleep for an hour': [look({}, HOUR_MS, 1000), ['slept']],
  'a clock that was put back': [look({}, -HOUR_MS, 1000), ['clock_changed']],
  'a clock that is corrected little by little': [look({}, 1500, 1000), []],
  'a link that is gone': [look({ addresses: [] }, 1000), ['addresses_changed']],
  'another address': [look({ addresses: ['wlan0 192.0.2.8'] }, 1000), ['addresses_changed']],
  'the same address on another link': [
    look({ addresses: ['eth0 192.0.2.7'] }, 1000),
    ['addresses_changed'],
  ],
  'another resolver': [look({ resolver: 'b' }, 1000), ['resolver_changed']],
  'a laptop that wakes elsewhere': [
    look({ addresses: ['eth0 198.51.100.2'], resolver: 'b' }, HOUR_MS, 1000),
    ['slept', 'addresses_changed', 'resolver_changed'],
  ],
}
for (const [title, [now, changes]] of Object.entries(table)) {
  test(`D8 T107 change: ${title} → ${changes.join(', ') || 'nothing'}`, (t) => {
    t.deepEqual(changesBetween(look(), now), changes as never)
  })
}

const looks = fc.record({
  at: fc.record({ wallMs: fc.integer(), steadyMs: fc.integer() }),
  addresses: fc.array(fc.string()),
  resolver: fc.string(),
})
test('D8 change: nothing happens between a look and itself', (t) => {
  const holds = fc.property(looks, (one) => changesBetween(one, one).length === 0)
  t.notThrows(() => fc.assert(holds, { numRuns: 200 }))
})
