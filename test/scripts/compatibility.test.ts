import { readFileSync } from 'node:fs'
import test from 'ava'
import { CLIENT_ROWS } from '../../scripts/compatibility/client-rows.ts'
import { OPENSSH_ROWS } from '../../scripts/compatibility/openssh-rows.ts'
import { REGRESS_ROWS } from '../../scripts/compatibility/regress-rows.ts'
import { reportText } from '../../scripts/compatibility/report.ts'
import { judge, type Outcome, type Row, type Verdict } from '../../scripts/compatibility/row.ts'

const row: Row = { client: 'c', does: 'd', command: 'x | y', stdout: 'a\nb', code: 3 }
const good = { code: 3, stdout: 'a\r\nb\n', stderr: '' }
const bad = { ...good, code: 0 }

const verdicts: Readonly<
  Record<string, readonly [Outcome, Outcome, Partial<Row>, Verdict['result']]>
> = {
  'both as wanted': [good, good, {}, 'pass'],
  'as wanted through zt only': [bad, good, {}, 'pass'],
  'as wanted directly only': [good, bad, {}, 'fails'],
  'as wanted nowhere': [bad, bad, {}, 'direct fails too'],
  'another output': [good, { ...good, stdout: 'a' }, {}, 'fails'],
  'a refusal on purpose': [
    good,
    { ...bad, stderr: 'zt: no' },
    { refusal: /zt: no/ },
    'refused by policy',
  ],
  'another refusal': [good, { ...bad, stderr: 'other' }, { refusal: /zt: no/ }, 'fails'],
}

for (const [title, [direct, through, more, wanted]] of Object.entries(verdicts)) {
  test(`S1: a row with ${title}: ${wanted}`, (t) => {
    t.is(judge({ ...row, ...more }, direct, through).result, wanted)
  })
}

test('S1: bars and line ends of a row do not break the table', (t) => {
  const text = reportText([{ row, verdict: { result: 'pass' } }])
  t.true(text.includes('| d | `` x \\| y `` | `` a ⏎ b `` | 3 | pass |'))
})

test('S1: the page has every row, none of which fails through zt only', (t) => {
  const page = readFileSync('docs/reference/ssh-compatibility.md', 'utf8')
  const lines = page.split('\n')
  for (const { does } of [...OPENSSH_ROWS, ...CLIENT_ROWS, ...REGRESS_ROWS]) {
    t.true(
      lines.some((line) => line.startsWith(`| ${does} |`)),
      does,
    )
  }
  t.false(lines.some((line) => line.endsWith('| fails |')))
})
