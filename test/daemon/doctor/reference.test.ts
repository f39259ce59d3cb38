import { readFileSync, writeFileSync } from 'node:fs'
import test from 'ava'
import { CHECKS } from '../../../daemon/doctor/examine.ts'

const PAGE = 'docs/reference/doctor.md'
const MARK =
  "<!-- From here on made from the table of checks; UPDATE=1 on this page's test writes it anew. -->\n"

function reference(): string {
  return CHECKS.map(({ name, looksAt, meanings }) =>
    [
      `\n## \`${name}\`\n`,
      `Looks at ${looksAt}.\n`,
      '| code | verdict | cause | remedy |',
      '| --- | --- | --- | --- |',
      ...Object.entries(meanings).map(
        ([code, { verdict, cause, remedy = '–' }]) =>
          `| \`${code}\` | ${verdict} | ${cause} | ${remedy} |`,
      ),
      '',
    ].join('\n'),
  ).join('')
}

test('T106: the reference page has every check with every code', (t) => {
  const page = readFileSync(PAGE, 'utf8')
  const wanted = `${page.slice(0, page.indexOf(MARK) + MARK.length)}${reference()}`
  if (process.env['UPDATE'] === '1') writeFileSync(PAGE, wanted)
  t.is(readFileSync(PAGE, 'utf8'), wanted)
})
