/** Addresses behind a host name: fixed ones of the configuration first, then whoever answers for it. */
import { lookup } from 'node:dns/promises'
import { type IpAddress, parseAddress } from '#lib/net/address'
import { err, ok, type Result } from '#lib/result'
import { type LookUp, TOO_MANY_LOOKUPS } from '../dns/lookup-shares.ts'
import type { LookupAll } from '../dns/name-servers-client.ts'

/** Why a name has no address; `too_many_lookups`: nobody was asked, the share of who asks was used up. */
export type ResolveError = { readonly reason: 'name_not_found' | typeof TOO_MANY_LOOKUPS }

/** Addresses of a name in order of preference, never empty. @param asker as of `LookUp`. */
export type Resolve = (
  name: string,
  asker: string,
) => Promise<Result<readonly [IpAddress, ...IpAddress[]], ResolveError>>

/** Names that a name leads to. Never rejects. @param asker as of `LookUp`. */
export type AliasesOf = (
  name: string,
  asker: string,
) => Promise<Result<readonly string[], ResolveError>>

export type ResolverOptions = {
  /** Fixed addresses by canonical name. */
  readonly hosts: ReadonlyMap<string, string>
  readonly timeoutMs?: number
  /** Default: the machine's resolver. */
  readonly lookupAll?: LookupAll
  /** Where lookups have their places. Default: each has one. */
  readonly lookUp?: LookUp
}

const TIMEOUT_MS = 5_000
/** Addresses of one name that are kept. */
const ADDRESS_LIMIT = 16

/** A resolver that asks once for a name that many flows wait for; that takes one place, of who asked first. */
export function createResolver(options: ResolverOptions): Resolve {
  const lookupAll = options.lookupAll ?? ((name) => lookup(name, { all: true, verbatim: true }))
  const underWay = new Map<string, ReturnType<Resolve>>()

  const lookUp: LookUp = options.lookUp ?? ((_asker, _name, work) => work())

  function ask(name: string): ReturnType<Resolve> {
    const asked = withTimeout(lookupAll(name), options.timeoutMs ?? TIMEOUT_MS)
      .then((found) => toAddresses(found.map(({ address }) => address)))
      .catch(() => err({ reason: 'name_not_found' } as const))
      .finally(() => underWay.delete(name))
    underWay.set(name, asked)
    return asked
  }

  return async (name, asker) => {
    const fixed = options.hosts.get(name)
    if (fixed !== undefined) return toAddresses([fixed])
    const waiting = underWay.get(name)
    if (waiting !== undefined) return waiting
    const found = await lookUp(asker, name, () => ask(name))
    return found ?? err({ reason: TOO_MANY_LOOKUPS })
  }
}

export type AliasesOptions = Pick<ResolverOptions, 'hosts'> & {
  /** Undefined: nobody answers. */
  readonly aliasesOf: (name: string) => Promise<readonly string[] | undefined>
  readonly lookUp: LookUp
}

/** A name with a fixed address leads nowhere else. */
export function createAliases({ hosts, aliasesOf, lookUp }: AliasesOptions): AliasesOf {
  return async (name, asker) => {
    if (hosts.has(name)) return ok([])
    const looked = await lookUp(asker, name, async () => ({ names: await aliasesOf(name) }))
    if (looked === undefined) return err({ reason: TOO_MANY_LOOKUPS })
    return looked.names === undefined ? err({ reason: 'name_not_found' }) : ok(looked.names)
  }
}

function toAddresses(texts: readonly string[]): Awaited<ReturnType<Resolve>> {
  const parsed = texts.slice(0, ADDRESS_LIMIT).map((text) => parseAddress(text))
  const [first, ...rest] = parsed.flatMap((address) => (address.ok ? [address.value] : []))
  return first === undefined ? err({ reason: 'name_not_found' }) : ok([first, ...rest])
}

function withTimeout<T>(asked: Promise<T>, timeoutMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the resolver did not answer')), timeoutMs)
    asked.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
