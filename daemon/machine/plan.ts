/**
 * Which routes and rules lead private traffic of this machine into the TUN: a table of ours, and rules that look into it.
 * Pure. Nothing of others is changed; what others have is left to them, and told.
 */
import { addressFromBytes, type IpAddress } from '#lib/net/address'
import { formatPrefix, type Prefix, prefixCovers, prefixOfAddress } from '#lib/net/prefix'
import { err, ok, type Result } from '#lib/result'
import type { Machine, Route, Rule, UidRange } from './machine.ts'
import {
  GUARD_TABLE,
  isOurRoute,
  LOOKUP_PREFERENCE,
  ownSubnets,
  REFUSE_PREFERENCE,
  TABLE,
} from './ours.ts'

/** What is wanted of the machine's routing. */
export type Wanted = {
  readonly tunName: string
  /** Addresses of the TUN itself. */
  readonly tunAddresses: readonly IpAddress[]
  /** Ranges whose addresses stand for private names. */
  readonly synthetic: readonly Prefix[]
  /** Private prefixes that the gateway lists. */
  readonly prefixes: readonly Prefix[]
  /** Resolver of ours inside the synthetic ranges: for every user. */
  readonly resolverAddresses: readonly IpAddress[]
  /** Must be reached as without us: the gateway, and the name servers of the system. */
  readonly outside: readonly IpAddress[]
  /** Whose traffic is taken. */
  readonly uids: readonly UidRange[]
  /** Private prefixes are refused, not sent to the Internet, when the TUN is gone. */
  readonly lockdown: boolean
}

/** Routing of ours, all of it. */
export type Routing = { readonly routes: readonly Route[]; readonly rules: readonly Rule[] }

/** Something that stays with others, though it was listed. */
export type LeftOut = {
  readonly prefix: Prefix
  /** `takes_all`: it is everything; `own_subnet`: this machine is itself in it. */
  readonly reason: 'takes_all' | 'own_subnet'
  readonly link?: string
}

/** Plan and what it leaves out. */
export type RoutingPlan = Routing & { readonly leftOut: readonly LeftOut[] }

/** Somebody else uses the range for names. */
export type PlanRefusal = {
  readonly reason: 'synthetic_taken'
  readonly prefix: Prefix
  readonly link: string
}

const ROOT = 0

/** The last choice of the kernel: any other route to the same goes first. */
const LAST_METRIC = 0xffffffff

/** Plans. Never throws. @param daemonUid whose sockets answer on the TUN. */
export function planRouting(
  wanted: Wanted,
  machine: Machine,
  daemonUid = ROOT,
): Result<RoutingPlan, PlanRefusal> {
  const taken = takenSynthetic(wanted, machine)
  if (taken) return err(taken)
  const listed = wanted.prefixes.filter(({ length }) => length > 0)
  const covers = (inner: Prefix) => listed.some((outer) => prefixCovers(outer, inner))
  const subnets = ownSubnets(machine.links, wanted.tunName).filter(({ subnet }) => covers(subnet))
  const outside = [...wanted.outside, ...defaultRouters(machine)].map(prefixOfAddress)
  const throws = unique([...subnets.map(({ subnet }) => subnet), ...outside.filter(covers)])
  const inside = unique([...wanted.synthetic, ...listed]).filter(
    (prefix) => !throws.some((one) => formatPrefix(one) === formatPrefix(prefix)),
  )
  const refused = wanted.lockdown ? inside : unique(wanted.synthetic)
  return ok({
    routes: [
      ...throws.map((to) => route('throw', to)),
      ...refused.map((to) => ({ ...route('unreachable', to), metric: LAST_METRIC })),
      ...inside.map((to) => ({ ...route('unicast', to), device: wanted.tunName })),
      guardRoute(wanted.tunName),
    ],
    rules: rulesOf(wanted, daemonUid),
    leftOut: [
      ...wanted.prefixes
        .filter(({ length }) => length === 0)
        .map((prefix) => ({ prefix, reason: 'takes_all' as const })),
      ...subnets.map(({ subnet, link }) => ({
        ...{ prefix: subnet, reason: 'own_subnet' as const, link },
      })),
    ],
  })
}

function route(type: string, to: Prefix): Route {
  return { family: to.address.version, type, to, table: String(TABLE) }
}

const ALL_V4: Prefix = { address: addressFromBytes(new Uint8Array(4)), length: 0 }

/**
 * A socket may be bound to the TUN by any user (SO_BINDTODEVICE), and IPv4 takes what no route leads to for a neighbour:
 * such packets of users who are not taken stay on this machine. IPv6 has no such neighbours.
 */
function guardRoute(tunName: string): Route {
  return { family: 4, type: 'local', to: ALL_V4, table: String(GUARD_TABLE), device: tunName }
}

function rulesOf(wanted: Wanted, daemonUid: number): readonly Rule[] {
  const { tunName, tunAddresses, synthetic, resolverAddresses, uids } = wanted
  const versions = [...new Set(tunAddresses.map(({ version }) => version))]
  return [
    // Before the general refusals: a socket that is bound takes a refusal for "neighbour", too.
    {
      ...{ family: 4, preference: REFUSE_PREFERENCE, boundTo: tunName, table: String(GUARD_TABLE) },
    },
    ...synthetic.map(
      (to): Rule => ({
        ...{ family: to.address.version, preference: REFUSE_PREFERENCE, to, action: 'unreachable' },
      }),
    ),
    // Before those with `from`: beside one of them the kernel takes the same rule without it for a duplicate.
    ...versions.flatMap((version) => uids.map((range) => ({ ...lookup(version), uids: range }))),
    // Reverse path filtering (RFC 3704) asks as root where an answer came from, whoever had sent the question; and what
    // the daemon's own listener on the TUN answers goes back into it.
    ...tunAddresses.flatMap((from) =>
      [...new Set([ROOT, daemonUid])].map((uid) => ({
        ...{
          ...lookup(from.version),
          from: prefixOfAddress(from),
          uids: { first: uid, last: uid },
        },
      })),
    ),
    ...resolverAddresses.map((to) => ({ ...lookup(to.version), to: prefixOfAddress(to) })),
  ]
}

/** Only what this machine itself sends; forwarded packets count as root's. */
function lookup(family: 4 | 6): Rule {
  return { family, preference: LOOKUP_PREFERENCE, table: String(TABLE), device: 'lo' }
}

function defaultRouters({ routes }: Machine): readonly IpAddress[] {
  return routes.flatMap(({ to, via }) => (to.length === 0 && via ? [via] : []))
}

/** A range that reaches into what others route, defaults and their halves apart. */
function takenSynthetic({ synthetic, tunName }: Wanted, machine: Machine): PlanRefusal | undefined {
  const foreign = machine.routes.filter(
    (one) => !isOurRoute(one) && one.device !== tunName && one.to.length > 1,
  )
  for (const prefix of synthetic) {
    const other = foreign.find(({ to }) => prefixCovers(to, prefix) || prefixCovers(prefix, to))
    if (other) return { reason: 'synthetic_taken', prefix, link: other.device ?? other.type }
  }
  return undefined
}

function unique(prefixes: readonly Prefix[]): readonly Prefix[] {
  return [...new Map(prefixes.map((prefix) => [formatPrefix(prefix), prefix])).values()]
}
