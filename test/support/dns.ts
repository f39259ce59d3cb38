/** DNS in tests: a resolver over a gateway and upstream servers that answer from tables. */
import { type OwnAnswer, writeAnswer } from '#lib/dns/answer-writer'
import { RCODE, TYPE } from '#lib/dns/codes'
import { writeName } from '#lib/dns/name'
import { readQuery, writeQuery } from '#lib/dns/query'
import { type IpAddress, parseAddress } from '#lib/net/address'
import { type Prefix, parsePrefix } from '#lib/net/prefix'
import { err, ok } from '#lib/result'
import type { GatewayReply } from '../../daemon/dns/existence.ts'
import { createResolver, type Resolver, type ResolverDeps } from '../../daemon/dns/resolver.ts'
import { createSyntheticMap } from '../../daemon/dns/synthetic-map.ts'
import { type SyntheticRange, syntheticRange } from '../../daemon/dns/synthetic-range.ts'
import { compileZones } from '../../daemon/dns/zones.ts'
import { memoryLog } from './tunnel.ts'

/** An address from its text. @throws {Error} for what is none. */
export function address(text: string): IpAddress {
  const parsed = parseAddress(text)
  if (!parsed.ok) throw new Error(text)
  return parsed.value
}

/** A query as stub resolvers send it, with id 0x1234 and an OPT record. */
export function queryFor(name: string, type: number = TYPE.A, flags = 0): Buffer {
  const query = Buffer.from(writeQuery({ name: writeName(name), type, dnssecOk: false, flags }))
  query.writeUInt16BE(0x1234)
  return query
}

/** Answers one query from a table `name type` → answer; NXDOMAIN for the rest. */
export function answerFrom(table: Readonly<Record<string, OwnAnswer>>, query: Uint8Array): Buffer {
  const read = readQuery(query)
  if (!read?.ok) throw new Error('a bad query reached a server')
  const { name, type } = read.value
  return Buffer.from(writeAnswer(read.value, table[`${name} ${type}`] ?? { rcode: RCODE.NXDOMAIN }))
}

/** An answer with addresses. */
export function addressAnswer(type: number, ...addresses: readonly string[]): OwnAnswer {
  const answers = addresses.map((text) => ({ type, ttl: 60, data: address(text).bytes }))
  return { rcode: RCODE.NOERROR, answers }
}

/** The gateway knows `wiki`, `six` (IPv6 only), `alias` (a chain out of the zone) and `mail` (MX only). */
export const GATEWAY: Readonly<Record<string, OwnAnswer>> = {
  'wiki.corp.internal 1': addressAnswer(TYPE.A, '10.1.2.3'),
  'wiki.corp.internal 65': {
    rcode: 0,
    answers: [{ type: TYPE.HTTPS, ttl: 9, data: Buffer.alloc(3) }],
  },
  'six.corp.internal 1': { rcode: 0 },
  'six.corp.internal 28': addressAnswer(TYPE.AAAA, 'fd00::7'),
  'alias.corp.internal 1': {
    rcode: 0,
    answers: [{ type: TYPE.CNAME, ttl: 60, data: writeName('cdn.example.com') }],
  },
  'alias.corp.internal 28': { rcode: 0 },
  'mail.corp.internal 1': { rcode: 0 },
  'mail.corp.internal 28': { rcode: 0 },
  'mail.corp.internal 15': {
    rcode: 0,
    answers: [{ type: TYPE.MX, ttl: 60, data: Buffer.of(0, 10, 0xc0, 12) }],
  },
  '3.2.1.10.in-addr.arpa 12': {
    rcode: 0,
    answers: [{ type: TYPE.PTR, ttl: 60, data: writeName('wiki.corp.internal') }],
  },
  'single 1': addressAnswer(TYPE.A, '10.1.2.4'),
  'broken.corp.internal 1': { rcode: RCODE.SERVFAIL },
}

/** Servers of the Internet, as saved. */
export const UPSTREAM: Readonly<Record<string, OwnAnswer>> = {
  'example.com 1': addressAnswer(TYPE.A, '93.184.216.34'),
  'gw.corp.internal 1': addressAnswer(TYPE.A, '198.51.100.7'),
  'evil.example 1': addressAnswer(TYPE.A, '93.184.216.34', '10.1.2.3'),
  'evil6.example 28': addressAnswer(TYPE.AAAA, '::1'),
  'hinted.example 65': {
    rcode: 0,
    answers: [
      { type: TYPE.HTTPS, ttl: 9, data: Buffer.from('0001000004000400000000', 'hex').fill(10, 7) },
    ],
  },
  'ours.example 1': addressAnswer(TYPE.A, '100.80.0.9'),
  'nas.lan 1': addressAnswer(TYPE.A, '192.168.1.5'),
  'lan-stealer.lan 1': addressAnswer(TYPE.A, '100.80.0.9'),
}

export type ResolverRig = Resolver & {
  /** What reached the gateway: `name type`. */
  readonly asked: string[]
  /** Questions that reached upstream servers. */
  readonly upstream: Uint8Array[]
  nowMs: number
}

/** Addresses that stand for names, of two prefixes. */
export function rangeOf(v4: string, v6: string, own: readonly IpAddress[] = []): SyntheticRange {
  return syntheticRange({ v4: prefix(v4), v6: prefix(v6) }, own)
}

function prefix(text: string): Prefix {
  const parsed = parsePrefix(text)
  if (!parsed.ok) throw new Error(text)
  return parsed.value
}

/** A resolver of `corp.internal`, `single` and 10.0.0.0/8, with synthetic addresses of 100.80.0.0/16. */
export function resolverRig(change: Partial<ResolverDeps> = {}): ResolverRig {
  const range = rangeOf('100.80.0.0/16', 'fd5e::/96', [address('100.80.0.53')])
  const settings = {
    domains: ['corp.internal', 'single'],
    prefixes: ['10.0.0.0/8'],
    others: 'direct',
  }
  const zones = compileZones({ ...settings, others: 'direct' }, ['gw.corp.internal'])
  const asked: string[] = []
  const upstream: Uint8Array[] = []
  const rig = { asked, upstream, nowMs: 1_000_000 }
  const resolver = createResolver({
    zones: () => zones,
    synthetic: createSyntheticMap(range, [], () => undefined),
    askGateway: async (query): Promise<GatewayReply> => {
      const read = readQuery(query)
      if (read?.ok) asked.push(`${read.value.name} ${read.value.type}`)
      return { kind: 'answer', message: answerFrom(GATEWAY, query) }
    },
    askUpstream: async (query) => {
      upstream.push(query)
      return ok(answerFrom(UPSTREAM, query))
    },
    mayLead: () => false,
    now: () => rig.nowMs,
    log: memoryLog(),
    ...change,
  })
  return Object.assign(rig, resolver)
}

export const noUpstream: ResolverDeps['askUpstream'] = async () => err({ reason: 'no_upstream' })
