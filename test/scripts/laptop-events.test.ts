import { readFileSync, writeFileSync } from 'node:fs'
import test from 'ava'
import { LAPTOP_EVENTS, type LaptopEvent } from '../../scripts/lab/laptop-events.ts'

const PAGE = 'docs/reference/life.md'
const MARK =
  "<!-- From here on made from the table of events that the tests go through; UPDATE=1 on this page's test writes it anew. -->\n"

function row({ what, status, refusal, openFlows, withinSeconds }: LaptopEvent): string {
  const [state, reasons] = status ?? ['connecting', ['network_changed']]
  const codes = reasons.map((reason) => `\`${reason}\``).join(', ')
  const cells = [
    what,
    `\`${state}\`${codes === '' ? '' : `: ${codes}`}`,
    refusal === undefined ? 'wait' : `refused: \`${refusal}\``,
    openFlows,
    `${withinSeconds} s`,
  ]
  return `| ${cells.join(' | ')} |`
}

test('D8 T107: the reference page has every event', (t) => {
  const head =
    '| event | `zt status` meanwhile | new connections | open connections | data again within |'
  const table = ['', head, '| --- | --- | --- | --- | --- |', ...LAPTOP_EVENTS.map(row), '']
  const page = readFileSync(PAGE, 'utf8')
  const wanted = `${page.slice(0, page.indexOf(MARK) + MARK.length)}${table.join('\n')}`
  if (process.env['UPDATE'] === '1') writeFileSync(PAGE, wanted)
  t.is(readFileSync(PAGE, 'utf8'), wanted)
})
