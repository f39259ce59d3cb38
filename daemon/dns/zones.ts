/** Which names and addresses are ours to answer for. */
import type { IpAddress } from '#lib/net/address'
import { parsePrefix, prefixContains } from '#lib/net/prefix'
import { cleanSettings, findDomain, type RouteSettings } from '../route.ts'

export type Zones = {
  /** The zone of ours that holds a name; undefined: the name is not ours. */
  readonly zoneOf: (name: string) => string | undefined
  /** Whether an address lies in a prefix that goes through the tunnel. */
  readonly isTunnelled: (address: IpAddress) => boolean
}

/**
 * @param controlPlane names of the gateway's own listeners: they resolve outside the tunnel even where a zone of ours
 *   holds them, since the tunnel cannot be built by itself (T103).
 */
export function compileZones(settings: RouteSettings, controlPlane: readonly string[]): Zones {
  const clean = cleanSettings(settings)
  const domains = new Set(clean.domains)
  const exempt = new Set(controlPlane.map((name) => name.toLowerCase()))
  const prefixes = clean.prefixes.map(parsePrefix).flatMap((one) => (one.ok ? [one.value] : []))
  return {
    zoneOf: (name) => (exempt.has(name) ? undefined : findDomain(name, domains)),
    isTunnelled: (address) => prefixes.some((prefix) => prefixContains(prefix, address)),
  }
}
