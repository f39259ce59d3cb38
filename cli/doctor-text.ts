/** Findings of `zt doctor` as text. Pure. */
import type { Finding, Verdict } from '#lib/api/doctor-api'
import { EXIT } from './cli-io.ts'
import { printable } from './printable.ts'
import { style } from './style.ts'

const MARKS = { ok: 'ok', warning: 'warning', problem: 'PROBLEM', not_checked: '-' } as const
const MARK_WIDTH = 8
const COLOURS: Readonly<Record<Verdict, (text: string) => string>> = {
  ok: style.green,
  warning: style.yellow,
  problem: style.red,
  not_checked: style.dim,
}

/** One paragraph a finding: verdict, check and cause, then what was seen, then what to do. */
export function doctorText(findings: readonly Finding[]): string {
  const width = Math.max(0, ...findings.map(({ check }) => check.length)) + 1
  const indent = ' '.repeat(MARK_WIDTH + width)
  return findings
    .flatMap(({ verdict, check, cause, code, detail, remedy }) => [
      `${COLOURS[verdict](MARKS[verdict].padEnd(MARK_WIDTH))}${printable(check).padEnd(width)}${printable(cause)} (${printable(code)})`,
      ...(detail === undefined ? [] : [`${indent}seen: ${printable(detail)}`]),
      ...(remedy === undefined ? [] : [`${indent}remedy: ${printable(remedy)}`]),
    ])
    .join('\n')
}

/** 1 where there is a problem; warnings and what was not looked at are none. */
export function doctorExitCode(findings: readonly Finding[]): number {
  return findings.some(({ verdict }) => verdict === 'problem') ? EXIT.failed : EXIT.ok
}
