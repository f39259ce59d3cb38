import test from 'ava'
import fc from 'fast-check'
import { surplusLines } from '../../../gateway/dns/fair-room.ts'

const CASES: readonly (readonly [Record<string, number>, number, Record<string, number>])[] = [
  [{}, 0, {}],
  [{ a: 3 }, 3, {}],
  [{ a: 4 }, 3, { a: 1 }],
  [{ quiet: 1, noisy: 9 }, 4, { noisy: 6 }],
  [{ a: 5, b: 5, c: 2 }, 10, { a: 1, b: 1 }],
  [{ a: 2, b: 2 }, 3, { a: 1, b: 1 }],
  [{ a: 1, b: 1 }, 1, { a: 1, b: 1 }],
]
for (const [counts, most, surplus] of CASES) {
  test(`G12: of ${JSON.stringify(counts)} at most ${most} lines stay`, (t) => {
    t.deepEqual(Object.fromEntries(surplusLines(new Map(Object.entries(counts)), most)), surplus)
  })
}

test('G12: what stays fits, is shared evenly, and no line more goes than a level for all asks', (t) => {
  const counts = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(counts, fc.integer({ min: 0, max: 400 }), (all, most) => {
      const surplus = surplusLines(new Map(all.map((count, n) => [String(n), count])), most)
      const stays = all.map((count, n) => count - (surplus.get(String(n)) ?? 0))
      const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0)
      const level = Math.max(...stays)
      const losers = stays.filter((_, n) => surplus.has(String(n)))
      const oneMore = all.map((count) => Math.min(count, level + 1))
      return (
        sum(stays) <= most &&
        losers.every((left) => left === level) &&
        (surplus.size === 0 || sum(oneMore) > most)
      )
    }),
  )
  t.is(surplusLines(new Map([['a', 5]]), 0).get('a'), 5)
})
