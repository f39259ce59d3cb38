import test from 'ava'
import fc from 'fast-check'
import { ControlScanner } from '#lib/recording/control-scanner'
import { MarkReader } from '#lib/recording/mark-reader'

/** What is found, with its place in the whole stream. */
function scan(pieces: readonly Uint8Array[]): readonly string[] {
  const scanner = new ControlScanner()
  let start = 0
  return pieces.flatMap((piece) => {
    const found = scanner.push(piece).map((one) => {
      const what = one.type === 'mark' ? one.text : one.on ? 'on' : 'off'
      return `${start + one.end} ${what}`
    })
    start += piece.length
    return found
  })
}

const ESC = '\u001b'
const found: Readonly<Record<string, readonly [string, ...string[]]>> = {
  'a mark that ends with BEL': [`ab${ESC}]133;A\u0007`, '10 A'],
  'a mark that ends with ST': [`${ESC}]133;D;0${ESC}\\x`, '11 D;0'],
  'two marks in a row': [`${ESC}]133;A\u0007${ESC}]133;B\u0007`, '8 A', '16 B'],
  'the alternate screen': [`${ESC}[?1049hvi${ESC}[?1049l`, '8 on', '18 off'],
  'the alternate screen among other modes': [`${ESC}[?25;1047h`, '11 on'],
  'a mark after one that was given up': [`${ESC}]133;A${ESC}[m${ESC}]133;B\u0007`, '18 B'],
  'other sequences': [`${ESC}]0;title\u0007${ESC}[?25h${ESC}[1m${ESC}]13\u0007${ESC}`],
  'a mark without end': [`${ESC}]133;${'x'.repeat(300_000)}`],
}
for (const [what, [stream, ...wanted]] of Object.entries(found)) {
  test(`S6: control scanner: ${what}`, (t) => t.deepEqual(scan([Buffer.from(stream)]), wanted))
}

test('S6: control scanner: any split finds the same at the same places', (t) => {
  const short = Object.values(found).map(([stream]) => stream.slice(0, 60))
  const stream = fc
    .array(fc.oneof(fc.constantFrom(...short, ESC, `${ESC}]133;`), fc.string({ maxLength: 4 })))
    .map((all) => Buffer.from(all.join('')))
  const sizes = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 })
  const same = fc.property(stream, sizes, (bytes, some) => {
    const pieces: Uint8Array[] = []
    for (let at = 0, next = 0; at < bytes.length; ) {
      const size = some[next++ % some.length] ?? 1
      pieces.push(bytes.subarray(at, at + size))
      at += size
    }
    t.deepEqual(scan(pieces), scan([bytes]))
  })
  t.notThrows(() => fc.assert(same, { numRuns: 200 }))
})

const base64 = (text: string) => Buffer.from(text).toString('base64')

test('S6: marks are believed with the nonce of the session only', (t) => {
  const marks = new MarkReader('n0nce')
  t.is(marks.read(`D;n0nce;0;${base64('    7  before\n')}`)?.type, 'ended')
  const named = `C;n0nce;${base64('    8  ls -l\n')}`
  t.deepEqual(marks.read(named), { type: 'started', text: 'ls -l' })
  t.deepEqual(marks.read(named), { type: 'started_unnamed' }, 'the history has nothing new')
  t.deepEqual(marks.read(`D;n0nce;127;${base64('    8  ls -l\n')}`), { type: 'ended', code: 127 })
  t.deepEqual(
    marks.read(`C;n0nce;${base64('    8  ls -a\n')}`),
    { type: 'started', text: 'ls -a' },
    'HISTCONTROL=erasedups gives a number again',
  )
  t.deepEqual(marks.read(`C;other;${base64(' 9 rm')}`), { type: 'forged', text: 'rm' })
  t.deepEqual(marks.read('C;n0nce;%%%'), { type: 'forged', text: '' })
  t.deepEqual(new MarkReader(undefined).read(named), { type: 'forged', text: 'ls -l' })
  for (const none of ['', 'A', 'C', 'D;0', 'C;1;2;3', 'D;n0nce;999999;']) {
    t.is(marks.read(none), undefined, none)
  }
})
