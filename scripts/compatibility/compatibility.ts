/**
 * Runs every row directly and through zt, and writes the table. With words, only rows whose client or title has one, and
 * no table. Exits 1 when a row passes directly and fails through zt.
 */
import { writeFileSync } from 'node:fs'
import { CLIENT_ROWS } from './client-rows.ts'
import { type Laboratory, openLaboratory } from './laboratory.ts'
import { OPENSSH_ROWS } from './openssh-rows.ts'
import { REGRESS_ROWS } from './regress-rows.ts'
import { type Judged, reportText } from './report.ts'
import { judge, type Outcome, type Row, type Verdict } from './row.ts'

const PAGE = 'docs/reference/ssh-compatibility.md'
const ROWS: readonly Row[] = [...OPENSSH_ROWS, ...CLIENT_ROWS, ...REGRESS_ROWS]

async function judgeRow(laboratory: Laboratory, row: Row): Promise<Verdict> {
  if (row.notApplicable !== undefined) return { result: 'n/a', why: row.notApplicable }
  const direct = await laboratory.run(laboratory.direct, row.command)
  const through = await laboratory.run(laboratory.through, row.command)
  const verdict = judge(row, direct, through)
  if (verdict.result === 'fails' || verdict.result === 'direct fails too') {
    console.log(`  direct:  ${shown(direct)}\n  through: ${shown(through)}`)
  }
  return verdict
}

function shown({ code, stdout, stderr }: Outcome): string {
  const text = (output: string) => JSON.stringify(output.slice(-300))
  return `${code} ${text(stdout)} ${text(stderr)}`
}

const words = process.argv.slice(2)
const isWanted = ({ client, does }: Row) =>
  words.length === 0 || words.some((word) => `${client} ${does}`.includes(word))
const laboratory = await openLaboratory()
const judged: Judged[] = []
try {
  for (const row of ROWS.filter(isWanted)) {
    const verdict = await judgeRow(laboratory, row)
    console.log(`${verdict.result.padEnd(17)} ${row.client}: ${row.does}`)
    judged.push({ row, verdict })
  }
} finally {
  await laboratory.close()
}
if (words.length === 0) writeFileSync(PAGE, reportText(judged))
const failed = judged.filter(({ verdict }) => verdict.result === 'fails').length
console.log(`${judged.length} rows, ${failed} fail through zt only`)
process.exitCode = failed > 0 ? 1 : 0
