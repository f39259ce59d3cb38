import test from 'ava'
import fc from 'fast-check'
import { type KeyEvent, TypedKeys } from '#lib/recording/typed-line'

async function read(...typed: readonly string[]): Promise<readonly KeyEvent[]> {
  const keys = new TypedKeys()
  const events: KeyEvent[] = []
  for (const text of typed) await keys.push(text, async (event) => void events.push(event))
  return events
}

/** Lines as text, `~` before one that was edited, and its length. */
async function linesOf(...typed: readonly string[]): Promise<readonly string[]> {
  return (await read(...typed)).flatMap((event) =>
    event.type === 'enter'
      ? [`${event.line.edited ? '~' : ''}${event.line.text} ${event.line.length}`]
      : [],
  )
}

const ESC = '\u001b'
const lines: Readonly<Record<string, readonly [string, ...string[]]>> = {
  'a plain line': ['ls -l\r', 'ls -l 5'],
  'two lines': ['a\rb\n', 'a 1', 'b 1'],
  'an empty line': ['\r', ' 0'],
  'backspaces of both kinds': ['lx\u007fsy\b\r', 'ls 2'],
  'a backspace over a wide character': ['🙂\u007fok\r', 'ok 2'],
  'a line killed with ^U': ['secret\u0015ls\r', 'ls 2'],
  'the end of input, which is in no line': ['\u0004ls\r', 'ls 2'],
  'history, completion and search': [`${ESC}[A\rca\t\r\u0012x\r`, '~ 1', '~ca 3', '~x 2'],
  'arrows of the application mode and meta keys': [`${ESC}OA\r${ESC}b\r`, '~ 1', '~ 1'],
  'a paste, whose ends of line end nothing': [`${ESC}[200~a\rb${ESC}[201~\r`, 'a\nb 3'],
  'a line given up with ^C': ['rm -rf\u0003ls\r', 'ls 2'],
  'the screen cleared': ['l\u000cs\r', 'ls 2'],
  'answers of a terminal, which are no keys': [
    `${ESC}[?1;2c${ESC}[12;40R${ESC}]11;rgb:0/0/0${ESC}\\${ESC}P1$r0m${ESC}\\${ESC}[Ils${ESC}[<0;1;1M\r`,
    'ls 2',
  ],
}
for (const [what, [typed, ...wanted]] of Object.entries(lines)) {
  test(`S6: ${what}: key by key`, async (t) => {
    t.deepEqual(await linesOf(typed), wanted)
    t.deepEqual(await linesOf(...typed), wanted, 'in single characters')
  })
}

test('S6: a line begins with its first key, and once', async (t) => {
  t.deepEqual(
    (await read('ab\r\r')).map(({ type }) => type),
    ['first_key', 'enter', 'first_key', 'enter'],
  )
})

test('S6: typed keys: any split gives the same lines, and none throws', async (t) => {
  const pieces = fc.constantFrom(
    ...Object.values(lines).map(([typed]) => typed),
    ESC,
    `${ESC}[`,
    '漢',
  )
  const typing = fc.array(fc.oneof(pieces, fc.string()), { maxLength: 6 })
  const same = fc.asyncProperty(typing, async (typed) => {
    t.deepEqual(await linesOf(...typed.join('')), await linesOf(typed.join('')))
  })
  await t.notThrowsAsync(fc.assert(same))
})
