import { readFileSync, writeFileSync } from 'node:fs'
import test from 'ava'
import { decodeConfig, formatMistakes } from '../../../gateway/config.ts'
import { configurationReference } from '../../support/configuration-reference.ts'

const PAGE = 'docs/reference/configuration.md'
const MARK =
  "<!-- From here on made from the decoder; UPDATE=1 on this page's test writes it anew. -->\n"

test('T92: the reference page lists every key that the decoder knows', (t) => {
  const page = readFileSync(PAGE, 'utf8')
  const written = page.slice(0, page.indexOf(MARK) + MARK.length)
  const wanted = `${written}\n${configurationReference()}`
  if (process.env['UPDATE'] === '1') writeFileSync(PAGE, wanted)
  t.is(readFileSync(PAGE, 'utf8'), wanted)
})

test('the example of the reference page decodes', (t) => {
  const example = /```yaml\n([\s\S]*?)```/.exec(readFileSync(PAGE, 'utf8'))?.[1] ?? ''
  const decoded = decodeConfig(example, 'example.yaml')
  t.is(decoded.ok ? '' : formatMistakes(decoded.error), '')
})
