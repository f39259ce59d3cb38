/**
 * Addresses by the resolvers of a zone: UDP with a random id and port, TCP for what is too long. A name in such a zone is
 * asked of nobody else, whatever its resolvers say: it may mean another host in the public DNS.
 */
import { lookup, Resolver } from 'node:dns/promises'
import { type HostName, isWithinDomain } from '#lib/net/host'
import type { DnsZone } from '../policy/document.ts'

/** Addresses of a name as texts; rejects where there are none. */
export type LookupAll = (name: string) => Promise<readonly { readonly address: string }[]>

/** For each resolver of a zone and each try, ms; two tries. */
const TRY_MS = 1_000
const TRIES = 2

/** @param zones those of the policy in force, asked for each name. */
export function createZoneLookup(zones: () => readonly DnsZone[]): LookupAll {
  return (name) => {
    const zone = zoneOf(name, zones())
    return zone === undefined ? lookup(name, { all: true, verbatim: true }) : ask(name, zone)
  }
}

function zoneOf(name: string, zones: readonly DnsZone[]): DnsZone | undefined {
  const here = zones.filter(({ domain }) => isWithinDomain(name as HostName, domain))
  return here.sort((a, b) => b.domain.length - a.domain.length)[0]
}

async function ask(name: string, { resolvers }: DnsZone): ReturnType<LookupAll> {
  const resolver = new Resolver({ timeout: TRY_MS, tries: TRIES })
  resolver.setServers(resolvers)
  const [v4, v6] = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)])
  const found = [v4, v6].flatMap((one) => (one.status === 'fulfilled' ? one.value : []))
  if (found.length === 0 && v4.status === 'rejected') throw v4.reason
  return found.map((address) => ({ address }))
}
