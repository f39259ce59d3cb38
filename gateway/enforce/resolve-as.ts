/** Addresses of a name as the DNS phase will have them. */
import { type IpAddress, parseAddress } from '#lib/net/address'
import { err, ok, type Result } from '#lib/result'
import type { NameWay, NameWays, Permit } from '../policy/decision.ts'
import type { Facts } from '../policy/facts.ts'
import type { AliasesOf, Resolve, ResolveError } from './resolve-client.ts'

/** As `resolve`; each version of addresses the way that the permit says. Without ways the name is resolved as it is. */
export async function resolveAs(
  name: string,
  ways: NameWays | undefined,
  resolve: Resolve,
): ReturnType<Resolve> {
  if (ways === undefined) return resolve(name)
  const [v4, v6] = await Promise.all([
    addressesBy(ways.v4, 4, name, resolve),
    addressesBy(ways.v6, 6, name, resolve),
  ])
  const [first, ...rest] = [...v4, ...v6]
  return first === undefined ? err({ reason: 'name_not_found' }) : ok([first, ...rest])
}

/** Names that the destination's leads to which the permit knows nothing of, and rules may be about. */
export async function unknownAliases(
  { destination }: Facts,
  { meetsAliases, names }: Permit,
  aliasesOf: AliasesOf,
): Promise<Result<readonly string[], ResolveError>> {
  const isLookedUp = names === undefined || names.v4 === 'own' || names.v6 === 'own'
  if (!meetsAliases || !isLookedUp || destination.aliases !== undefined) return ok([])
  const found = await aliasesOf(destination.host)
  return found === undefined ? err({ reason: 'name_not_found' }) : ok(found)
}

async function addressesBy(
  way: NameWay,
  version: 4 | 6,
  name: string,
  resolve: Resolve,
): Promise<readonly IpAddress[]> {
  if (way === 'none') return []
  if (way !== 'own' && 'addresses' in way) return parseAll(way.addresses)
  const resolved = await resolve(way === 'own' ? name : way.alias)
  return resolved.ok ? resolved.value.filter((address) => address.version === version) : []
}

/** Those of the texts that are addresses. */
export function parseAll(texts: readonly string[]): IpAddress[] {
  return texts.map(parseAddress).flatMap((one) => (one.ok ? [one.value] : []))
}
