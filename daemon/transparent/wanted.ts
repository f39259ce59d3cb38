/** What transparent mode wants of the machine, from what is wished. Pure. */
import { type IpAddress, parseAddress } from '#lib/net/address'
import { type Prefix, parsePrefix } from '#lib/net/prefix'
import type { DaemonConfig } from '../config.ts'
import type { Wanted } from '../machine/plan.ts'
import type { TransparentWish } from '../settings.ts'

/** Addresses of the TUN: of the benchmarking range (RFC 2544), and unique local (RFC 4193). */
const TUN_ADDRESSES = ['198.18.255.253', 'fdb4:5e1c:907b::1']
/** They with the next one of each, which stands for programs before the kernel's own stack. */
const TUN_PREFIXES = ['198.18.255.252/30', 'fdb4:5e1c:907b::/126']

/** @param outside addresses that are reached as without us. */
export function wantedOf(
  { ownerUid, prefixes, lockdown }: TransparentWish,
  { tunName, allowUsers }: Pick<DaemonConfig, 'tunName' | 'allowUsers'>,
  outside: readonly string[],
): Wanted {
  const uids = new Set([ownerUid, ...allowUsers])
  return {
    tunName,
    tunAddresses: addressesOf(TUN_ADDRESSES),
    synthetic: [],
    prefixes: prefixesOf([...TUN_PREFIXES, ...prefixes]),
    resolverAddresses: [],
    outside: addressesOf(outside),
    uids: [...uids].map((uid) => ({ first: uid, last: uid })),
    lockdown,
  }
}

/** Whether going over from one to the other is a matter of routes alone. */
export function isSameDevice(one: Wanted, other: Wanted): boolean {
  const fixed = ({ tunName, uids }: Wanted): string => JSON.stringify({ tunName, uids })
  return fixed(one) === fixed(other)
}

function addressesOf(texts: readonly string[]): readonly IpAddress[] {
  return texts.map(parseAddress).flatMap((parsed) => (parsed.ok ? [parsed.value] : []))
}

function prefixesOf(texts: readonly string[]): readonly Prefix[] {
  return texts.map(parsePrefix).flatMap((parsed) => (parsed.ok ? [parsed.value] : []))
}
