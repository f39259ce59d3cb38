/** What transparent mode wants of the machine, from what is wished. Pure. */
import { type IpAddress, parseAddress } from '#lib/net/address'
import { formatPrefix, type Prefix, parsePrefix } from '#lib/net/prefix'
import type { DaemonConfig } from '../config.ts'
import { TUN_OWN } from '../intercept/tun-link.ts'
import type { Wanted } from '../machine/plan.ts'
import type { TransparentWish } from '../settings.ts'
import type { NamesWish } from './names-os.ts'

const OWN = Object.values(TUN_OWN)

/** What is wanted of the machine. */
export type Wish = { readonly routing: Wanted; readonly names: NamesWish }

/** @param found addresses: of our resolver, and those that are reached as without us. */
export function wishOf(
  { ownerUid, domains, prefixes, synthetic, lockdown }: TransparentWish,
  { tunName, allowUsers, dns }: Pick<DaemonConfig, 'tunName' | 'allowUsers' | 'dns'>,
  found: { readonly resolver: readonly IpAddress[]; readonly outside: readonly string[] },
): Wish {
  const uids = [...new Set([ownerUid, ...allowUsers])].map((uid) => ({ first: uid, last: uid }))
  const shared = { tunName, uids, resolverAddresses: found.resolver }
  return {
    names: { ...shared, setting: dns, domains },
    routing: {
      ...shared,
      tunAddresses: addressesOf(OWN.map(({ address }) => address)),
      synthetic,
      prefixes: prefixesOf([
        ...OWN.map(({ network, length }) => `${network}/${length}`),
        ...prefixes,
      ]),
      outside: addressesOf(found.outside),
      lockdown,
    },
  }
}

/** Whether going over from one to the other is a matter of routes alone. */
export function isSameDevice(one: Wish, other: Wish): boolean {
  return fixedOf(one.routing) === fixedOf(other.routing)
}

function fixedOf({ tunName, uids, synthetic }: Wanted): string {
  return JSON.stringify([tunName, uids, synthetic.map(formatPrefix)])
}

function addressesOf(texts: readonly string[]): readonly IpAddress[] {
  return texts.map(parseAddress).flatMap((parsed) => (parsed.ok ? [parsed.value] : []))
}

function prefixesOf(texts: readonly string[]): readonly Prefix[] {
  return texts.map(parsePrefix).flatMap((parsed) => (parsed.ok ? [parsed.value] : []))
}
