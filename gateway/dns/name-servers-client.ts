/**
 * Who answers for a name: the resolvers of its zone, or else those of this machine. A name in such a zone is asked of
 * nobody else, whatever its resolvers say: it may mean another host in the public DNS.
 */
import { lookup, Resolver } from 'node:dns/promises'
import { type DnsAnswer, readAnswer } from '#lib/dns/answer'
import { FLAG, RCODE, TYPE } from '#lib/dns/codes'
import { askInTurn, askServer, type Patience } from '#lib/dns/exchange-client'
import { writeName } from '#lib/dns/name'
import { writeQuery } from '#lib/dns/query'
import { type DnsServer, parseDnsServer } from '#lib/dns/server'
import { addressFromBytes, formatAddress } from '#lib/net/address'
import { printAuthority } from '#lib/net/endpoint'
import { type HostName, isWithinDomain } from '#lib/net/host'
import type { DnsZone } from '../policy/document.ts'
import { aliasesIn } from './alias-chain.ts'
import { type Attempt, openResolversHealth, type ResolverHealth } from './resolver-health.ts'

/** Addresses of a name as texts; rejects where there are none. */
export type LookupAll = (name: string) => Promise<readonly { readonly address: string }[]>

/** What a resolver said to a question. */
export type NameAnswer = DnsAnswer & {
  readonly message: Uint8Array
  /** Who said it, `ADDRESS:PORT`. */
  readonly resolver: string
}

export interface NameServers {
  /** Asks for a name one query, by TCP where the answer is too long for UDP. Undefined: nobody answers. Never rejects. */
  ask(name: string, query: Uint8Array): Promise<NameAnswer | undefined>
  readonly lookupAll: LookupAll
  /** Names that a name leads to on the way to its addresses. Undefined: nobody answers, or not in a way that can be read. Never rejects. */
  aliasesOf(name: string): Promise<readonly string[] | undefined>
  /** The zone of resolvers that a name is asked of; undefined: those of this machine are. */
  zoneOf(name: string): string | undefined
  /** Zones of the policy in force, then the machine. */
  status(): readonly ZoneResolvers[]
}

/** Resolvers of a zone, and how they do. */
export type ZoneResolvers = {
  /** Absent: all names that are in no zone; the machine's. */
  readonly zone?: string
  readonly resolvers: readonly { readonly resolver: string; readonly health: ResolverHealth }[]
}

/** Over all resolvers of a zone: a device waits 4 s. */
const PATIENCE = { attempts: 3, attemptMs: 1_000 }
const OCTETS: ReadonlyMap<number, number> = new Map([
  [TYPE.A, 4],
  [TYPE.AAAA, 16],
])

/** @param zones those of the policy in force, asked for each name. */
export function createNameServers(zones: () => readonly DnsZone[]): NameServers {
  const health = openResolversHealth()
  const patience: Patience = {
    ...PATIENCE,
    onTried: (server, message, ms) =>
      health.note(printAuthority(server), attemptOf(message), { ms, atMs: Date.now() }),
  }
  const ask: NameServers['ask'] = (name, query) =>
    askServers(zoneOf(name, zones())?.resolvers ?? machineServers(), query, patience)
  const healthOf = (servers: readonly DnsServer[]) =>
    servers.map(printAuthority).map((resolver) => ({ resolver, health: health.of(resolver) }))
  return {
    ask,
    aliasesOf: (name) => aliasesOf(name, ask),
    zoneOf: (name) => zoneOf(name, zones())?.domain,
    status: () => [
      ...zones().map(({ domain, resolvers }) => ({ zone: domain, resolvers: healthOf(resolvers) })),
      { resolvers: healthOf(machineServers()) },
    ],
    lookupAll: (name) =>
      zoneOf(name, zones()) === undefined
        ? lookup(name, { all: true, verbatim: true })
        : addressesOf(name, ask),
  }
}

function attemptOf(message: Uint8Array | undefined): Attempt {
  if (message === undefined) return 'silence'
  return readAnswer(message)?.rcode === RCODE.SERVFAIL ? 'failure' : 'answer'
}

function zoneOf(name: string, zones: readonly DnsZone[]): DnsZone | undefined {
  const here = zones.filter(({ domain }) => isWithinDomain(name as HostName, domain))
  return here.sort((a, b) => b.domain.length - a.domain.length)[0]
}

/** As the machine is configured now: a new `Resolver` reads that anew. */
function machineServers(): readonly DnsServer[] {
  return new Resolver().getServers().flatMap((text) => parseDnsServer(text) ?? [])
}

async function askServers(
  servers: readonly DnsServer[],
  query: Uint8Array,
  patience: Patience,
): Promise<NameAnswer | undefined> {
  const short = await askInTurn(servers, query, 'udp', patience)
  const server = short && servers[short.index]
  if (short === undefined || server === undefined) return undefined
  const isCut = ((readAnswer(short.message)?.flags ?? 0) & FLAG.TC) !== 0
  const message = isCut ? await askServer(server, query, 'tcp', PATIENCE) : short.message
  const answer = message && readAnswer(message)
  return message && answer && { ...answer, message, resolver: printAuthority(server) }
}

async function aliasesOf(name: string, ask: NameServers['ask']) {
  const answer = await ask(name, addressQuery(name, TYPE.A))
  const isSaid = answer?.rcode === RCODE.NOERROR || answer?.rcode === RCODE.NXDOMAIN
  return answer && isSaid ? aliasesIn(answer.message) : undefined
}

function addressQuery(name: string, type: number): Uint8Array {
  return writeQuery({ name: writeName(name), type, dnssecOk: false, flags: 0 })
}

async function addressesOf(name: string, ask: NameServers['ask']): ReturnType<LookupAll> {
  const found = await Promise.all(
    [...OCTETS.keys()].map((type) => addressesOfType(name, type, ask)),
  )
  const all = found.flat()
  if (all.length === 0) throw new Error('no address')
  return all
}

async function addressesOfType(name: string, type: number, ask: NameServers['ask']) {
  const answer = await ask(name, addressQuery(name, type))
  const records = answer?.records ?? []
  return records
    .filter((one) => one.section === 'answer' && one.type === type)
    .filter(({ data }) => data.length === OCTETS.get(type))
    .map(({ data }) => ({ address: formatAddress(addressFromBytes(data)) }))
}
