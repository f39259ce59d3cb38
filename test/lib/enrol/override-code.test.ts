import test from 'ava'
import fc from 'fast-check'
import { makeOverrideCode, readOverrideCode } from '#lib/enrol/override-code'

const key = Buffer.alloc(32, 7)
const NOW_MS = Date.UTC(2026, 10, 21)
const HOUR_MS = 3_600_000
const device = 'a7d1'
const code = makeOverrideCode(key, device, NOW_MS + HOUR_MS)
const read = (typed: string, of = device, nowMs = NOW_MS, by = key) =>
  readOverrideCode(by, of, typed, nowMs)

test('D13: a code is short enough to be read over the phone', (t) => {
  t.regex(code, /^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){3}$/)
})

const spellings = {
  'as it is written': code,
  'without hyphens, in lower case': code.replaceAll('-', '').toLowerCase(),
  'with spaces': ` ${code.replaceAll('-', ' ')} `,
  'with letters that look like digits': code.replaceAll('0', 'o').replaceAll('1', 'l'),
}
for (const [title, typed] of Object.entries(spellings)) {
  test(`D13: a code is read ${title}`, (t) => {
    const wanted = { endsAtMs: NOW_MS + HOUR_MS, code: code.replaceAll('-', '') }
    t.deepEqual(read(typed), { ok: true, value: wanted })
  })
}

const refusals = {
  'of another device': [read(code, 'b8e2'), 'wrong_code'],
  'of another key': [read(code, device, NOW_MS, Buffer.alloc(32, 8)), 'wrong_code'],
  'at its end': [read(code, device, NOW_MS + HOUR_MS), 'code_expired'],
  'that is too short': [read(code.slice(1)), 'bad_code'],
  'that is too long': [read(`${code}0`), 'bad_code'],
  'with a letter that no code has': [read(`U${code.slice(1)}`), 'bad_code'],
  'that is empty': [read(''), 'bad_code'],
} as const
for (const [title, [outcome, reason]] of Object.entries(refusals)) {
  test(`D13: a code ${title} is refused: ${reason}`, (t) => {
    t.deepEqual(outcome, { ok: false, error: { reason } } as never)
  })
}

test('D13: a code that was altered in any place is refused', (t) => {
  const plain = code.replaceAll('-', '')
  for (const at of plain.split('').keys()) {
    const other = plain[at] === '0' ? '2' : '0'
    t.like(read(plain.slice(0, at) + other + plain.slice(at + 1)), { ok: false })
  }
})

test('D13: whatever is typed, reading does not throw; what was made is read', (t) => {
  const typed = fc.property(fc.string(), (text) => read(text).ok === false)
  t.notThrows(() => fc.assert(typed, { numRuns: 200 }))
  const made = fc.property(fc.integer({ min: 1, max: 2 ** 31 }), fc.string(), (minutes, of) => {
    const endsAtMs = minutes * 60_000
    const outcome = read(makeOverrideCode(key, of, endsAtMs), of, 0)
    return outcome.ok && outcome.value.endsAtMs === endsAtMs
  })
  t.notThrows(() => fc.assert(made, { numRuns: 200 }))
})
