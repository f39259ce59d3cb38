import test from 'ava'
import fc from 'fast-check'
import {
  createPromptBook,
  HELD_LIMIT,
  type PromptBook,
} from '../../../gateway/prompt/prompt-book.ts'
import { sampleAsked } from '../../support/asked.ts'

const fresh = (id: string, nowMs = 0, waitMs = 100) => ({
  id,
  url: `https://l/${id}`,
  nowMs,
  waitMs,
})

test('D9: a device has one prompt for an application and remedy, which later flows join and keep open', (t) => {
  const book = createPromptBook()
  const first = book.join('f1', sampleAsked(), fresh('p1'))
  t.like(first, { ok: true, value: { id: 'p1', expiresAtMs: 100, createdAtMs: 0 } })
  const second = book.join('f2', sampleAsked({ host: 'other' }), fresh('p2', 50))
  t.like(second, { ok: true, value: { id: 'p1', expiresAtMs: 150, host: 'wiki.corp.internal' } })
  for (const change of [{ application: 'db' }, { remedy: 'mfa' }, { deviceId: 'd2' }] as const) {
    const id = JSON.stringify(change)
    t.like(book.join(id, sampleAsked(change), fresh(id)), { ok: true, value: { id } })
  }
  t.is(book.waitingFor('p1'), 2)
  t.is(book.ofDevice('device-1').length, 3)
  t.deepEqual(book.ofDevice('nobody'), [])
})

test('D9: flows are overdue one by one, the prompt with the last; one that nobody waits for stays until then', (t) => {
  const book = createPromptBook()
  book.join('f1', sampleAsked(), fresh('p1'))
  book.join('f2', sampleAsked(), fresh('p2', 50))
  t.is(book.nextMs, 100)
  t.deepEqual(book.overdue(99), { flows: [], prompts: [] })
  t.like(book.overdue(100), { flows: ['f1'], prompts: [] })
  t.like(book.leave('f1'), { waiting: 1 })
  t.like(book.leave('f2'), { waiting: 0, prompt: { id: 'p1' } })
  t.is(book.leave('f2'), undefined)
  t.like(book.find('p1'), { expiresAtMs: 150 })
  t.is(book.overdue(150).prompts.length, 1)
  t.true(book.end('p1'))
  t.false(book.end('p1'))
  t.is(book.nextMs, Number.POSITIVE_INFINITY)
})

test('D9: a device may hold so many flows, and as many prompts that nobody waits for', (t) => {
  const book = createPromptBook()
  for (let n = 0; n < HELD_LIMIT; n++) t.true(book.join(`f${n}`, sampleAsked(), fresh('p')).ok)
  t.deepEqual(book.join('more', sampleAsked(), fresh('p')), { ok: false, error: 'hold_full' })
  t.true(book.join('other', sampleAsked({ deviceId: 'd2' }), fresh('q')).ok)
  const left = createPromptBook()
  for (let n = 0; n < HELD_LIMIT; n++) {
    left.join(`f${n}`, sampleAsked({ application: `a${n}` }), fresh(`p${n}`))
    left.leave(`f${n}`)
  }
  const asked = sampleAsked({ application: 'one more' })
  t.deepEqual(left.join('f', asked, fresh('p')), { ok: false, error: 'hold_full' })
})

test('D9: whatever happens, no device holds more than it may, and every flow that waits is found', (t) => {
  const step = fc.record({
    kind: fc.constantFrom('join', 'leave'),
    flow: fc.integer({ min: 0, max: 80 }),
    application: fc.integer({ min: 0, max: 3 }),
  })
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const book = createPromptBook()
        const waiting = new Set<string>()
        for (const [at, one] of steps.entries()) take(book, waiting, one, at)
        const prompts = book.ofDevice('device-1')
        const held = prompts.reduce((sum, { id }) => sum + book.waitingFor(id), 0)
        return held === waiting.size && held <= HELD_LIMIT && prompts.length <= 4
      }),
    ),
  )
})

type Step = { readonly kind: string; readonly flow: number; readonly application: number }

function take(
  book: PromptBook,
  waiting: Set<string>,
  { kind, flow, application }: Step,
  at: number,
): void {
  const id = `f${flow}`
  const prompt = book.promptOf(id)
  const asked = sampleAsked({ application: `a${application}` })
  if (kind === 'leave' && book.leave(id) !== undefined) {
    waiting.delete(id)
    if (prompt !== undefined && book.waitingFor(prompt.id) === 0) book.end(prompt.id)
  }
  const joins = kind === 'join' && !waiting.has(id)
  if (joins && book.join(id, asked, fresh(`p${at}`, at)).ok) waiting.add(id)
}
