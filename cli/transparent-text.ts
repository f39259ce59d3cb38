/** What becomes of the traffic of programs, as lines of `zt status`. Pure. */
import type { TransparentStatus } from '#lib/api/control-api'
import { printable } from './printable.ts'

type Resolver = NonNullable<TransparentStatus['resolver']>

/** Labels and texts. */
export function transparentLines(
  status: TransparentStatus,
): readonly (readonly [label: string, text: string])[] {
  const { counters, resolver } = status
  const lines: [string, string][] = [['transparent', stateText(status)]]
  if (counters !== undefined) {
    const { tcp, udp, icmp } = counters.open
    const open = `open: ${tcp} TCP, ${udp} UDP, ${icmp} ping`
    lines.push([
      'taken',
      joined(`${counters.packets} packets`, open, told('dropped', counters.dropped)),
    ])
  }
  if (resolver !== undefined) {
    const { queries, ours, forwarded, strayAnswers = 0, refused } = resolver
    const asked = `${queries} questions, ${ours} ours, ${forwarded} forwarded`
    const stray = strayAnswers === 0 ? '' : `stray answers: ${strayAnswers}`
    lines.push(['names', joined(resolverText(resolver), asked, told('refused', refused), stray)])
  }
  return lines
}

function stateText({ state, mode, reason, detail = '', leftOut = [] }: TransparentStatus): string {
  const why = mode ?? reason
  const stays = leftOut.length === 0 ? '' : `left out: ${leftOut.join(', ')}`
  return joined(why === undefined ? state : `${state} (${why})`, printable(detail), stays)
}

function resolverText({ mode, reason, detail = '', addresses }: Resolver): string {
  const where = addresses.join(' ')
  return mode === undefined
    ? joined(`only at ${where} (${reason ?? ''})`, printable(detail))
    : `${where} (${mode})`
}

/** Reasons with their numbers. */
function told(what: string, counts: Readonly<Record<string, number>>): string {
  const all = Object.entries(counts).map(([reason, count]) => `${reason} ${count}`)
  return all.length === 0 ? '' : `${what}: ${all.join(', ')}`
}

function joined(...parts: string[]): string {
  return parts.filter((part) => part !== '').join('; ')
}
