/**
 * A public name that leads to a private address makes a web page of a stranger a client of the private network
 * (DNS rebinding). Names that were never public, as those of a home router, may.
 */
import type { DnsAnswer } from '#lib/dns/answer'
import { TYPE } from '#lib/dns/codes'
import { endOfName } from '#lib/dns/name'
import { type DnsRecord, viewOf } from '#lib/dns/records'
import { addressFromBytes, type IpAddress } from '#lib/net/address'
import {
  isLinkLocal,
  isLoopback,
  isPrivate,
  isTranslated,
  isUnspecified,
} from '#lib/net/special-address'
import { findDomain } from '../route.ts'

/**
 * Names of local networks: `.local` (RFC 6762), `home.arpa` (RFC 8375), `.internal` (reserved by ICANN 2024), the
 * others of RFC 6761 and RFC 6762 appendix G. Reverse names hold no addresses.
 */
const LOCAL_NAMES: ReadonlySet<string> = new Set(
  'local home.arpa internal lan home corp private intranet localdomain localhost test invalid'.split(
    ' ',
  ),
)

/** SvcParam keys that hold addresses, and octets of one (RFC 9460 section 14.3.2). */
const HINTS: ReadonlyMap<number, number> = new Map([
  [4, 4],
  [6, 16],
])

/** Whether a name may lead to addresses of private networks. */
export function mayBePrivate(name: string): boolean {
  return !name.includes('.') || findDomain(name, LOCAL_NAMES) !== undefined
}

/** Whether an answer leads to an address of a kind; hints of HTTPS records count. */
export function leadsTo(
  { records }: DnsAnswer,
  isOfKind: (address: IpAddress) => boolean,
): boolean {
  return records.some((record) => addressesIn(record).some(isOfKind))
}

/** Whether only this machine, or its networks, have such an address. */
export function isInside(address: IpAddress): boolean {
  return KINDS.some((is) => is(address))
}

const KINDS = [isPrivate, isLoopback, isLinkLocal, isUnspecified, isTranslated]

function addressesIn({ type, data }: DnsRecord): readonly IpAddress[] {
  if (type === TYPE.A && data.length === 4) return [addressFromBytes(data)]
  if (type === TYPE.AAAA && data.length === 16) return [addressFromBytes(data)]
  return type === TYPE.HTTPS || type === TYPE.SVCB ? hintsIn(data) : []
}

/** RFC 9460 section 2.2: priority, target name, then key, length and value of each parameter. */
function hintsIn(data: Uint8Array): readonly IpAddress[] {
  const view = viewOf(data)
  const found: IpAddress[] = []
  for (let at = endOfName(data, 2); at !== undefined && at + 4 <= data.length; ) {
    const end = at + 4 + view.getUint16(at + 2)
    const octets = HINTS.get(view.getUint16(at))
    for (
      let one = at + 4;
      octets !== undefined && one + octets <= Math.min(end, data.length);
      one += octets
    ) {
      found.push(addressFromBytes(data.subarray(one, one + octets)))
    }
    at = end
  }
  return found
}
