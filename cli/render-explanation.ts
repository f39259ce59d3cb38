/** An explanation as text: every step and how it went, and what to do about it. Pure. */
import { printFlowEndpoint } from '#lib/net/flow-endpoint'
import type { ExplainStep, Explanation } from '#lib/wire/control-message'
import { EXIT } from './cli-io.ts'
import { printable } from './printable.ts'
import { style } from './style.ts'

const MARKS = { passed: 'ok', failed: 'FAILED', not_reached: '-' } as const

/** What `zt explain` prints. */
export function explanationText(explanation: Explanation): string {
  const { verdict, reason, sentence, remedy, steps } = explanation
  const colour = verdict === 'permit' ? style.green : style.red
  return [
    `${printable(printFlowEndpoint(explanation))} ${colour(verdict)} ${printable(reason)}`,
    printable(sentence),
    ...steps.map(stepText),
    ...(remedy === undefined ? [] : [`remedy: ${printable(remedy)}`]),
  ].join('\n')
}

/** 0 for a permit, 4 for a denial; 5 and 6 where the gateway was not asked, since the device is not enrolled or the gateway away. */
export function explanationExitCode({ verdict, reason }: Explanation): number {
  if (verdict === 'permit') return EXIT.ok
  if (reason === 'not_enrolled') return EXIT.notEnrolled
  return reason === 'gateway_unreachable' ? EXIT.notReachable : EXIT.denied
}

function stepText({ step, outcome, detail }: ExplainStep): string {
  const mark = MARKS[outcome].padEnd(6)
  const text = `  ${mark} ${printable(step).padEnd(12)}${printable(detail ?? '')}`.trimEnd()
  return outcome === 'failed' ? style.bold(text) : text
}
