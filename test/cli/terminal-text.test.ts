import test from 'ava'
import { style } from '../../cli/style.ts'
import { linesTo } from '../../cli/terminal-text-os.ts'

const line = `db1 ${style.red('denial')}`

const cases = [
  ['a terminal', true, undefined, `${line}\n`],
  ['a terminal with an empty NO_COLOR', true, '', `${line}\n`],
  ['a terminal with NO_COLOR', true, '1', 'db1 denial\n'],
  ['a pipe or a file', false, undefined, 'db1 denial\n'],
] as const

for (const [name, isTTY, noColour, wanted] of cases) {
  test(`a styled line on ${name}`, (t) => {
    const written: string[] = []
    const write = (text: string | Uint8Array) => written.push(String(text)) > 0
    linesTo({ isTTY, write }, noColour)(line)
    t.deepEqual(written, [wanted])
  })
}
