/** Addresses of a name as the DNS phase will have them. */
import { type IpAddress, parseAddress } from '#lib/net/address'
import { err, ok, type Result } from '#lib/result'
import type { NameWay, NameWays, Permit } from '../policy/decision.ts'
import type { Facts } from '../policy/facts.ts'
import type { AliasesOf, Resolve, ResolveError } from './resolve-client.ts'

/** As `resolve`; each version of addresses the way that the permit says. Without ways the name is resolved as it is. */
export async function resolveAs(
  { destination: { host }, subject: { deviceId } }: Facts,
  ways: NameWays | undefined,
  resolve: Resolve,
): ReturnType<Resolve> {
  const ask = (name: string) => resolve(name, deviceId)
  if (ways === undefined) return ask(host)
  const both = await Promise.all([
    addressesBy(ways.v4, 4, host, ask),
    addressesBy(ways.v6, 6, host, ask),
  ])
  const [first, ...rest] = both.flatMap((found) => (found.ok ? found.value : []))
  if (first !== undefined) return ok([first, ...rest])
  const failed = both.find((found) => !found.ok)
  return failed ?? err({ reason: 'name_not_found' })
}

/** Names that the destination's leads to which the permit knows nothing of, and rules may be about. */
export async function unknownAliases(
  { destination, subject }: Facts,
  { meetsAliases, names }: Permit,
  aliasesOf: AliasesOf,
): ReturnType<AliasesOf> {
  const isLookedUp = names === undefined || names.v4 === 'own' || names.v6 === 'own'
  if (!meetsAliases || !isLookedUp || destination.aliases !== undefined) return ok([])
  return aliasesOf(destination.host, subject.deviceId)
}

async function addressesBy(
  way: NameWay,
  version: 4 | 6,
  name: string,
  ask: (name: string) => ReturnType<Resolve>,
): Promise<Result<readonly IpAddress[], ResolveError>> {
  if (way === 'none') return ok([])
  if (way !== 'own' && 'addresses' in way) return ok(parseAll(way.addresses))
  const resolved = await ask(way === 'own' ? name : way.alias)
  if (!resolved.ok) return resolved
  return ok(resolved.value.filter((address) => address.version === version))
}

/** Those of the texts that are addresses. */
export function parseAll(texts: readonly string[]): IpAddress[] {
  return texts.map(parseAddress).flatMap((one) => (one.ok ? [one.value] : []))
}
