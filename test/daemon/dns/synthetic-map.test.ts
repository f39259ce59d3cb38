import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { formatAddress } from '#lib/net/address'
import {
  createSyntheticMap,
  QUARANTINE_MS,
  type SyntheticEntry,
  type SyntheticMap,
} from '../../../daemon/dns/synthetic-map.ts'
import { openSyntheticMap } from '../../../daemon/dns/synthetic-map-store.ts'
import { addressesOf, numberOf, type SyntheticRange } from '../../../daemon/dns/synthetic-range.ts'
import { parseSyntheticPrefix, SYNTHETIC_DEFAULTS } from '../../../lib/net/synthetic-prefix.ts'
import { address, rangeOf } from '../../support/dns.ts'
import { memoryLog } from '../../support/tunnel.ts'

const HOUR_MS = 3_600_000
const RUNS = process.env['ZT_FULL'] ? 5_000 : 200

function range(
  v4: string = SYNTHETIC_DEFAULTS.v4,
  v6: string = SYNTHETIC_DEFAULTS.v6,
  own: string[] = [],
) {
  return rangeOf(v4, v6, own.map(address))
}

function mapOf(of: SyntheticRange, kept: SyntheticEntry[] = []): SyntheticMap {
  return createSyntheticMap(of, [...kept], (entry) => kept.push(entry))
}

function v4Of(map: SyntheticMap, name: string, nowMs: number): string {
  const found = map.addressesFor(name, nowMs)
  return found.ok ? formatAddress(found.value.v4) : found.error.reason
}

function freshFolder(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'zt-synthetic-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  return folder
}

test('D3: both addresses of a name have one number, lead back to it, and stay', (t) => {
  const map = mapOf(range())
  const found = map.addressesFor('wiki.corp.internal', 0)
  if (!found.ok) return t.fail()
  const { v4, v6 } = found.value
  t.deepEqual(v4.bytes.subarray(2), v6.bytes.subarray(14))
  t.true(map.contains(v4) && map.contains(v6))
  for (const one of [v4, v6]) t.is(map.nameOf(one, 1), 'wiki.corp.internal')
  t.is(v4Of(map, 'wiki.corp.internal', 365 * 24 * HOUR_MS), formatAddress(v4))
  t.is(map.size, 1)
  return t.is(v4Of(mapOf(range()), 'wiki.corp.internal', 5), formatAddress(v4), 'in every run')
})

test('D3 T105: addresses of nobody and of others', (t) => {
  const map = mapOf(range())
  t.is(map.nameOf(address('100.80.9.9'), 0), undefined)
  t.true(map.contains(address('100.80.9.9')))
  for (const other of [
    '100.64.0.1',
    '100.100.100.100',
    '100.81.0.0',
    '10.0.0.1',
    'fd7a:115c:a1e0::1',
  ])
    t.false(map.contains(address(other)), other)
  t.is(map.nameOf(address('fdb4:5e1c:907a::1:0'), 0), undefined, 'beyond the capacity')
})

test('D3 T105: first, last and our own addresses are never given', (t) => {
  const map = mapOf(range('10.9.8.0/29', 'fd00::/125', ['10.9.8.3', 'fd00::4', '192.0.2.1']))
  const given = [0, 1, 2, 3].map((index) => v4Of(map, `n${index}`, 0)).sort()
  t.deepEqual(given, ['10.9.8.1', '10.9.8.2', '10.9.8.5', '10.9.8.6'])
  t.is(v4Of(map, 'one-more', 0), 'exhausted')
})

test('D3 T105: an address serves another name 24 h after its last use, no earlier', (t) => {
  const map = mapOf(range('10.9.8.0/30', 'fd00::/126'))
  const first = v4Of(map, 'a', 0)
  const second = v4Of(map, 'b', 0)
  const over = HOUR_MS + QUARANTINE_MS
  t.is(v4Of(map, 'c', over - 1), 'exhausted')
  t.is(map.nameOf(address(first), over - 1), 'a', 'used again by a connection')
  t.is(v4Of(map, 'c', over), second)
  t.is(v4Of(map, 'b', over), 'exhausted', 'it lost its address')
  t.is(map.nameOf(address(second), over), 'c')
})

type Event =
  | { readonly kind: 'ask'; readonly name: string }
  | { readonly kind: 'connect'; readonly host: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'restart' }

const event: fc.Arbitrary<Event> = fc.oneof(
  fc.record({ kind: fc.constant('ask'), name: fc.constantFrom(...'abcdefghij') }),
  fc.record({ kind: fc.constant('connect'), host: fc.integer({ min: 0, max: 7 }) }),
  fc.record({ kind: fc.constant('wait'), ms: fc.integer({ min: 0, max: 30 * HOUR_MS }) }),
  fc.record({ kind: fc.constant('restart') }),
)

/** A map of six addresses, and a look at every use of one. */
class WatchedMap {
  readonly #range = range('10.9.8.0/29', 'fd00::/125')
  readonly #kept: SyntheticEntry[] = []
  readonly #uses = new Map<string, { readonly name: string; readonly atMs: number }>()
  #map = mapOf(this.#range, this.#kept)
  #nowMs = 0

  happen(event: Event): void {
    switch (event.kind) {
      case 'wait':
        this.#nowMs += event.ms
        return
      case 'restart':
        this.#map = mapOf(this.#range, this.#kept)
        return
      case 'ask':
        this.#see(v4Of(this.#map, event.name, this.#nowMs), event.name)
        return
      case 'connect': {
        const to = `10.9.8.${event.host}`
        this.#see(to, this.#map.nameOf(address(to), this.#nowMs))
      }
    }
  }

  #see(to: string, name: string | undefined): void {
    if (to === 'exhausted' || name === undefined) return
    const last = this.#uses.get(to)
    const isEarly = last !== undefined && this.#nowMs - last.atMs < QUARANTINE_MS
    if (isEarly && last.name !== name) throw new Error(`${to}: ${last.name}, then ${name}`)
    this.#uses.set(to, { name, atMs: this.#nowMs })
  }
}

test('D3 T105: no address serves two names within 24 h, whatever happens', (t) => {
  const property = fc.property(fc.array(event, { maxLength: 200 }), (events) => {
    const watched = new WatchedMap()
    for (const one of events) watched.happen(one)
  })
  t.notThrows(() => fc.assert(property, { numRuns: RUNS }))
})

test('D3: a full /16 is given out, each address once', (t) => {
  const map = mapOf(range())
  const given = new Set<string>()
  for (let index = 0; index < 65_534; index++) given.add(v4Of(map, `n${index}.x`, 0))
  t.is(given.size, 65_534)
  t.is(v4Of(map, 'last', 0), 'exhausted')
})

test('D3: the widest range has both addresses for its last number', (t) => {
  const [v4, v6] = ['100.64.0.0/10', 'fd00::/104']
  t.true(parseSyntheticPrefix(4, v4).ok && parseSyntheticPrefix(6, v6).ok)
  const widest = range(v4, v6)
  const last = addressesOf(widest, widest.capacity - 1)
  t.is(formatAddress(last.v4), '100.127.255.255')
  t.is(formatAddress(last.v6), 'fd00::3f:ffff')
  t.is(numberOf(widest, last.v6), widest.capacity - 1)
})

test('D3: the map survives a restart, and a torn last line', (t) => {
  const folder = freshFolder(t)
  const log = memoryLog()
  const first = openSyntheticMap(folder, range(), log)
  const given = ['a.x', 'b.x'].map((name) => v4Of(first, name, 5))
  const file = join(folder, 'synthetic.map')
  t.is(statSync(file).mode & 0o777, 0o600)
  appendFileSync(file, '77 99 torn')
  const second = openSyntheticMap(folder, range(), log)
  t.is(second.size, 2)
  t.deepEqual(
    given.map((text) => second.nameOf(address(text), 6)),
    ['a.x', 'b.x'],
  )
  t.false(readFileSync(file, 'utf8').includes('torn'))
  t.deepEqual(log.lines, [])
})

const files: Record<string, [(text: string) => string, string]> = {
  'another range': [(text) => text.replace('100.80', '100.81'), 'other_range'],
  'a damaged line': [(text) => `${text}x y z\n`, 'damaged'],
  'a name that is none': [(text) => `${text}7 7 a..b\n`, 'damaged'],
  'something else': [() => 'hello\n', 'damaged'],
  nothing: [() => '', 'damaged'],
}
for (const [title, [change, reason]] of Object.entries(files)) {
  test(`D3: a map file of ${title} is dropped, and that is said`, (t) => {
    const folder = freshFolder(t)
    const file = join(folder, 'synthetic.map')
    v4Of(openSyntheticMap(folder, range(), memoryLog()), 'a.x', 5)
    writeFileSync(file, change(readFileSync(file, 'utf8')))
    const log = memoryLog()
    t.is(openSyntheticMap(folder, range(), log).size, 0)
    t.true(log.lines.some((line) => JSON.stringify(line).includes(reason)))
  })
}
