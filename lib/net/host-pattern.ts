/**
 * Host patterns of policy: an exact name, or `*.zone` for every name below the zone, over any number of labels.
 */
import { type HostName, parseHostName } from '#lib/net/host'
import { err, ok, type Result } from '#lib/result'

/** `exact` is the name itself; `below` every name under it, never the zone itself. */
export type HostPattern = { readonly kind: 'exact' | 'below'; readonly name: HostName }

/** Parses a pattern; a `*` anywhere but as the first label is refused. Never throws. */
export function parseHostPattern(
  text: string,
): Result<HostPattern, { readonly reason: 'bad_host' }> {
  const below = text.startsWith('*.')
  const name = parseHostName(below ? text.slice(2) : text)
  if (!name.ok) return err({ reason: 'bad_host' })
  return ok({ kind: below ? 'below' : 'exact', name: name.value })
}

/** Whether the pattern matches the name. */
export function matchesHost(pattern: HostPattern, name: HostName): boolean {
  return pattern.kind === 'exact' ? name === pattern.name : name.endsWith(`.${pattern.name}`)
}

/** Canonical text. */
export function formatHostPattern({ kind, name }: HostPattern): string {
  return kind === 'exact' ? name : `*.${name}`
}
