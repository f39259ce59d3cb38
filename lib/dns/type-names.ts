/** Names of record types and answers (IANA registry "Domain Name System Parameters"); others are `TYPE65280` (RFC 3597 section 5). */
import { TYPE } from '#lib/dns/codes'

const { A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, SVCB, HTTPS, ANY } = TYPE
const NUMBERS: Readonly<Record<string, number>> = {
  ...{ A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, SVCB, HTTPS, ANY },
  ...{ SRV: 33, NAPTR: 35, DS: 43, SSHFP: 44, DNSKEY: 48, TLSA: 52, URI: 256, CAA: 257 },
}
const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(NUMBERS).map(([name, number]) => [number, name]),
)
const GENERIC = /^TYPE([0-9]{1,5})$/
const MOST = 65_535

/** The number behind a name, in any case of letters. Undefined for what is none. */
export function parseTypeName(text: string): number | undefined {
  const name = text.toUpperCase()
  const known = Object.hasOwn(NUMBERS, name) ? NUMBERS[name] : undefined
  const number = known ?? Number(GENERIC.exec(name)?.[1] ?? Number.NaN)
  return number <= MOST ? number : undefined
}

export function typeName(type: number): string {
  return NAMES.get(type) ?? `TYPE${type}`
}

const RCODES = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED']

export function rcodeName(rcode: number): string {
  return RCODES[rcode] ?? `RCODE${rcode}`
}
