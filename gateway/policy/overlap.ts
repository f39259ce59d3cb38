/**
 * Which destinations of two applications cannot be told apart. The most specific destination wins: an exact name or
 * longer zone or prefix first, then the smaller set of ports. Where neither is smaller, nobody can say who wins.
 */
import { type Mistake, type Path, quote } from '#lib/config/mistake'
import { formatHostPattern } from '#lib/net/host-pattern'
import { portCount, portsCover, portsOverlap } from '#lib/net/ports'
import { formatPrefix } from '#lib/net/prefix'
import type { Destination } from './destination.ts'

/** A destination, and the application that claims it. */
export type Claim = {
  readonly application: string
  readonly destination: Destination
  readonly path: Path
}

/** A mistake for each claim that ties with an earlier one of another application. */
export function findOverlaps(claims: readonly Claim[]): Mistake[] {
  const byHost = new Map<string, Claim[]>()
  const mistakes: Mistake[] = []
  for (const claim of claims) {
    const key = hostKey(claim.destination)
    const earlier = byHost.get(key) ?? []
    const tied = earlier.find((other) => isTie(other, claim))
    if (tied !== undefined) mistakes.push({ path: claim.path, message: describe(claim, tied) })
    earlier.push(claim)
    byHost.set(key, earlier)
  }
  return mistakes
}

function isTie(a: Claim, b: Claim): boolean {
  const [x, y] = [a.destination.ports, b.destination.ports]
  if (a.application === b.application || !portsOverlap(x, y)) return false
  const nested = portsCover(x, y) || portsCover(y, x)
  return !nested || portCount(x) === portCount(y)
}

function hostKey({ host, transport = 'tcp' }: Destination): string {
  switch (host.kind) {
    case 'any':
      return `${transport} *`
    case 'name':
      return `${transport} ${formatHostPattern(host.pattern)}`
    case 'prefix':
      return `${transport} ${formatPrefix(host.prefix)}`
  }
}

function describe({ destination }: Claim, tied: Claim): string {
  const other = `${quote(tied.destination.text)} of application ${quote(tied.application)}`
  return `${quote(destination.text)} overlaps with ${other}, and neither is more specific; give each port to one application`
}
