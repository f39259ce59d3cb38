import test from 'ava'
import fc from 'fast-check'
import { type IdleFlow, IdleTable } from '../../../daemon/intercept/idle-table.ts'
import { type NatEntry, NatTable } from '../../../daemon/intercept/nat-table.ts'
import { tcpPath } from '../../../daemon/intercept/tcp-segment.ts'

const LIMITS = { firstPort: 100, lastPort: 109, openingLimit: 4, closingLimit: 3 }
const paths = (port: number) => {
  const path = tcpPath(Buffer.alloc(8), port, 1)
  return { forward: path, back: path }
}

function open(table: NatTable, key: string): NatEntry | undefined {
  const entry = table.add(key, paths)
  if (entry !== undefined) table.accepted(entry)
  return entry
}

test('D2: every connection has a port of its own, and the table refuses when all are open', (t) => {
  const table = new NatTable(LIMITS)
  const entries = Array.from({ length: 10 }, (_, index) => open(table, `k${index}`))
  t.is(new Set(entries.map((entry) => entry?.port)).size, 10)
  t.is(open(table, 'more'), undefined)
  t.is(table.find('more'), undefined)
  const [first] = entries
  if (first !== undefined) table.closed(first)
  t.is(open(table, 'more')?.port, first?.port)
  t.is(table.behind(first?.port ?? 0)?.key, 'more')
  t.is(table.find('k0'), undefined)
})

test('D2 T104: half-open connections make room for others, and never cost an open one', (t) => {
  const table = new NatTable(LIMITS)
  const kept = open(table, 'kept')
  let dropped = 0
  const count = (): void => {
    dropped++
  }
  for (let index = 0; index < 1000; index++) table.add(`syn${index}`, paths, count)
  t.is(dropped, 1000 - LIMITS.openingLimit)
  t.is(table.size, 1 + LIMITS.openingLimit)
  t.is(table.find('kept'), kept)
})

test('D2: a connection that ended is found a while, its port used again as late as can be', (t) => {
  const table = new NatTable(LIMITS)
  const ended = open(table, 'ended')
  if (ended !== undefined) table.closed(ended)
  t.is(table.find('ended'), ended)
  const again = open(table, 'ended')
  t.not(again?.port, ended?.port)
  t.is(table.behind(ended?.port ?? 0), undefined)
  if (ended !== undefined) table.closed(ended)
  t.is(table.find('ended'), again)
})

test('D2: whatever happens to a NAT table, keys and ports agree and limits hold', (t) => {
  const step = fc.record({
    kind: fc.constantFrom('add', 'accept', 'close'),
    key: fc.integer({ min: 0, max: 30 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const table = new NatTable(LIMITS)
      return steps.every(({ kind, key }) => {
        const known = table.find(`${key}`)
        if (kind === 'add') table.add(`${key}`, paths)
        else if (known !== undefined && kind === 'accept') table.accepted(known)
        else if (known !== undefined) table.closed(known)
        const now = table.find(`${key}`)
        return table.size <= 10 && (now === undefined || table.behind(now.port) === now)
      })
    }),
  )
  t.is(new NatTable(LIMITS).size, 0)
})

test('D2: an idle table drops what was unused longest, and what was unused too long', (t) => {
  const table = new IdleTable<IdleFlow>(2)
  const flow = (usedAtMs: number): IdleFlow => ({ usedAtMs, idleMs: 100 })
  const [a, b, c] = [flow(0), flow(0), flow(10)]
  t.is(table.add('a', a), undefined)
  t.is(table.add('b', b), undefined)
  t.is(table.use('a', 50), a)
  t.is(table.add('c', c), b)
  t.deepEqual(table.takeIdle(110), [c])
  t.deepEqual(table.takeIdle(149), [])
  t.false(table.remove('a', c))
  t.true(table.remove('a', a))
  t.is(table.size, 0)
})
