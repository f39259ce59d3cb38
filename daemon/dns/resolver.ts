/**
 * The local resolver: names of ours get synthetic addresses once the gateway knows them, all else of our zones is
 * the gateway's answer, and what is not ours goes to the servers that the machine had before, untouched.
 */
import { readAnswer } from '#lib/dns/answer'
import {
  relayAnswer,
  sizeLimit,
  type Via,
  writeAnswer,
  writeTruncated,
} from '#lib/dns/answer-writer'
import { FLAG, RCODE, TYPE } from '#lib/dns/codes'
import { writeName } from '#lib/dns/name'
import { negative } from '#lib/dns/negative-answer'
import { type DnsQuery, readQuery, writeQuery } from '#lib/dns/query'
import { viewOf } from '#lib/dns/records'
import { addressOfReverseName } from '#lib/dns/reverse-name'
import type { Log } from '#lib/log'
import type { IpAddress } from '#lib/net/address'
import type { Result } from '#lib/result'
import { createDnsCounters, type DnsCounters, type DnsRefusal } from './counters.ts'
import { type AskGateway, type Existence, findExistence, type GatewayReply } from './existence.ts'
import { positive, refusal } from './own-answers.ts'
import { isInside, leadsTo, mayBePrivate } from './rebinding.ts'
import { ShortMemory } from './short-memory.ts'
import type { SyntheticMap } from './synthetic-map.ts'
import type { Zones } from './zones.ts'

/** Answers one DNS message. `undefined`: nothing sensible can be answered (not even FORMERR). Never rejects. */
export type AnswerQuery = (query: Uint8Array, via: Via) => Promise<Uint8Array | undefined>

/** Why no upstream server answered. */
export type UpstreamError = { readonly reason: 'no_upstream' | 'upstream_failed' }

/**
 * Asks the machine's own servers; what comes back belongs to the question, and `onStray` is called for what does not. Has
 * its own deadline.
 */
export type AskUpstream = (
  query: Uint8Array,
  via: Via,
  onStray: () => void,
) => Promise<Result<Uint8Array, UpstreamError>>

export type ResolverDeps = {
  /** Zones and prefixes now. */
  readonly zones: () => Zones
  readonly synthetic: SyntheticMap
  readonly askGateway: AskGateway
  readonly askUpstream: AskUpstream
  /** Whether a public name may lead to this address of a private network all the same. */
  readonly mayLead: (name: string, address: IpAddress) => boolean
  /** Unix milliseconds. */
  readonly now: () => number
  readonly log: Log
}

export interface Resolver {
  readonly answer: AnswerQuery
  readonly counters: Readonly<DnsCounters>
  /** Forgets what the gateway said: the settings changed, or the tunnel is another. */
  forget(): void
}

/** Tells Firefox that this network's DNS knows names which its DNS over HTTPS does not. */
const CANARY = 'use-application-dns.net'
/** Questions under way of one kind; a stub resolver waits 5 s. */
const MOST_WAITING = 512
/** For what this gateway cannot know. Seconds. */
const DENIAL_S = 5

export function createResolver(deps: ResolverDeps): Resolver {
  const { synthetic, now } = deps
  const counters = createDnsCounters()
  const names = new ShortMemory<Existence>(now, MOST_WAITING)
  const relayed = new ShortMemory<GatewayReply>(now, MOST_WAITING)
  // One question under way also ends a loop: what comes back to us waits for itself, and times out.
  const forwarded = new ShortMemory<Result<Uint8Array, UpstreamError>>(now, MOST_WAITING)

  async function answer(query: Uint8Array, via: Via): Promise<Uint8Array | undefined> {
    counters.queries++
    const read = readQuery(query)
    if (read === undefined || !read.ok) {
      counters.refused[read === undefined ? 'malformed' : read.error.reason]++
      return read && writeAnswer(read.error.query, { rcode: read.error.rcode })
    }
    try {
      return await respond(read.value, query, via)
    } catch (cause) {
      deps.log.error({ cause: String(cause) }, 'a DNS question failed')
      return writeAnswer(read.value, { rcode: RCODE.SERVFAIL })
    }
  }

  async function respond(asked: DnsQuery, query: Uint8Array, via: Via): Promise<Uint8Array> {
    const { name, type } = asked
    if (type === TYPE.AXFR || type === TYPE.IXFR) return refuse(asked, 'transfer')
    if (name === CANARY) return writeAnswer(asked, { rcode: RCODE.NXDOMAIN })
    const place = placeOf(name)
    if (place === undefined) return forward(asked, query, via)
    counters.ours++
    if ('address' in place) return nameBehind(asked, place.address)
    return place.hasAddresses && ADDRESS_TYPES.has(type)
      ? addresses(asked, place.zone)
      : relay(asked, place.zone, via)
  }

  /** Where a name of ours stands; undefined: it is not ours. */
  function placeOf(name: string): Place | undefined {
    const { zoneOf, isTunnelled } = deps.zones()
    const address = addressOfReverseName(name)
    if (address !== undefined && synthetic.contains(address)) return { address }
    const zone = zoneOf(name)
    if (zone !== undefined) return { zone, hasAddresses: true }
    return address !== undefined && isTunnelled(address)
      ? { zone: name, hasAddresses: false }
      : undefined
  }

  function refuse(asked: DnsQuery, reason: DnsRefusal, detail?: string): Uint8Array {
    counters.refused[reason]++
    return refusal(asked, reason, detail)
  }

  function nameBehind(asked: DnsQuery, address: IpAddress): Uint8Array {
    const { name, type } = asked
    const behind = synthetic.nameOf(address, now())
    if (behind === undefined) return negative(asked, RCODE.NXDOMAIN, name, DENIAL_S)
    return type === TYPE.PTR || type === TYPE.ANY
      ? positive(asked, TYPE.PTR, writeName(behind))
      : negative(asked, RCODE.NOERROR, name, DENIAL_S)
  }

  async function addresses(asked: DnsQuery, zone: string): Promise<Uint8Array> {
    const { name } = asked
    const look = () => findExistence(name, deps.askGateway)
    const exists = names.find(name, look) ?? (await names.ask(name, look))
    switch (exists?.kind) {
      case undefined:
        return refuse(asked, 'overload')
      case 'exists':
        return syntheticFor(asked, zone)
      case 'no_address':
        return negative(asked, RCODE.NOERROR, zone, exists.seconds)
      case 'no_name':
        return negative(asked, RCODE.NXDOMAIN, zone, exists.seconds, exists.error)
      case 'refused':
        return refuse(asked, 'gateway_refused', exists.reason)
      case 'failed':
        return refuse(asked, 'gateway_unreachable', exists.reason)
    }
  }

  function syntheticFor(asked: DnsQuery, zone: string): Uint8Array {
    const found = synthetic.addressesFor(asked.name, now())
    if (!found.ok) return refuse(asked, 'exhausted')
    const { v4, v6 } = found.value
    if (asked.type === TYPE.AAAA) return positive(asked, TYPE.AAAA, v6.bytes)
    // ANY may be answered with one set of records (RFC 8482 section 4.1).
    return asked.type === TYPE.A || asked.type === TYPE.ANY
      ? positive(asked, TYPE.A, v4.bytes)
      : negative(asked, RCODE.NOERROR, zone, DENIAL_S)
  }

  async function relay(asked: DnsQuery, zone: string, via: Via): Promise<Uint8Array> {
    const { name, type, flags, edns } = asked
    const dnssecOk = edns?.dnssecOk ?? false
    const key = `${name} ${type} ${dnssecOk} ${flags & (FLAG.AD | FLAG.CD)}`
    const wire = asked.question.subarray(0, -4)
    const query = writeQuery({ name: wire, type, dnssecOk, flags })
    const reply = await relayed.ask(key, async () => {
      return { value: await deps.askGateway(query), ttlMs: 0 }
    })
    switch (reply?.kind) {
      case undefined:
        return refuse(asked, 'overload')
      case 'answer':
        return (
          relayAnswer(asked, via, reply.message) ??
          refuse(asked, 'gateway_unreachable', 'bad_gateway_answer')
        )
      case 'absent':
        return negative(asked, RCODE.NOERROR, zone, DENIAL_S)
      case 'refused':
        return refuse(asked, 'gateway_refused', reply.reason)
      case 'unreachable':
        return refuse(asked, 'gateway_unreachable', reply.reason)
    }
  }

  async function forward(asked: DnsQuery, query: Uint8Array, via: Via): Promise<Uint8Array> {
    counters.forwarded++
    const key = via + Buffer.from(query).toString('latin1', 2)
    const reply = await forwarded.ask(key, async () => {
      return { value: await deps.askUpstream(query, via, countStray), ttlMs: 0 }
    })
    if (reply === undefined) return refuse(asked, 'overload')
    return reply.ok ? pass(asked, reply.value, via) : refuse(asked, reply.error.reason)
  }

  function countStray(): void {
    counters.strayAnswers++
  }

  /** An upstream server's answer, octet for octet but for the id. */
  function pass(asked: DnsQuery, message: Uint8Array, via: Via): Uint8Array {
    const answer = readAnswer(message)
    if (answer === undefined) return refuse(asked, 'upstream_failed', 'bad_answer')
    const { name } = asked
    const isForbidden = (address: IpAddress): boolean =>
      synthetic.contains(address) ||
      (isInside(address) && !mayBePrivate(name) && !deps.mayLead(name, address))
    if (leadsTo(answer, isForbidden)) return refuse(asked, 'rebinding')
    if (message.length > sizeLimit(asked, via, message.length)) {
      return writeTruncated(asked, answer.rcode)
    }
    const passed = Uint8Array.from(message)
    viewOf(passed).setUint16(0, asked.id)
    return passed
  }

  return { answer, counters, forget: () => names.clear() }
}

/** A synthetic address, or a zone of ours; the reverse name of a tunnelled address is a zone of its own. */
type Place =
  | { readonly address: IpAddress }
  | { readonly zone: string; readonly hasAddresses: boolean }

/** Types whose answer is a matter of addresses: real ones, in hints too, would lead around the synthetic ones. */
const ADDRESS_TYPES: ReadonlySet<number> = new Set([
  TYPE.A,
  TYPE.AAAA,
  TYPE.HTTPS,
  TYPE.SVCB,
  TYPE.ANY,
])
