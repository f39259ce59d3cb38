/** Addresses behind a host name: fixed ones of the configuration first, then whoever answers for it. */
import { lookup } from 'node:dns/promises'
import { type IpAddress, parseAddress } from '#lib/net/address'
import { err, ok, type Result } from '#lib/result'
import type { LookupAll } from '../dns/name-servers-client.ts'

/** Why a name has no address. */
export type ResolveError = { readonly reason: 'name_not_found' }

/** Addresses of a name in order of preference, never empty. */
export type Resolve = (
  name: string,
) => Promise<Result<readonly [IpAddress, ...IpAddress[]], ResolveError>>

/** Names that a name leads to; undefined: nobody says. Never rejects. */
export type AliasesOf = (name: string) => Promise<readonly string[] | undefined>

export type ResolverOptions = {
  /** Fixed addresses by canonical name. */
  readonly hosts: ReadonlyMap<string, string>
  readonly timeoutMs?: number
  /** Default: the machine's resolver. */
  readonly lookupAll?: LookupAll
}

const TIMEOUT_MS = 5_000
/** Addresses of one name that are kept. */
const ADDRESS_LIMIT = 16

/** A resolver that asks once for a name that many flows wait for. */
export function createResolver(options: ResolverOptions): Resolve {
  const lookupAll = options.lookupAll ?? ((name) => lookup(name, { all: true, verbatim: true }))
  const underWay = new Map<string, ReturnType<Resolve>>()

  function ask(name: string): ReturnType<Resolve> {
    const waiting = underWay.get(name)
    if (waiting !== undefined) return waiting
    const asked = withTimeout(lookupAll(name), options.timeoutMs ?? TIMEOUT_MS)
      .then((found) => toAddresses(found.map(({ address }) => address)))
      .catch(() => err({ reason: 'name_not_found' } as const))
      .finally(() => underWay.delete(name))
    underWay.set(name, asked)
    return asked
  }

  return (name) => {
    const fixed = options.hosts.get(name)
    return fixed === undefined ? ask(name) : Promise.resolve(toAddresses([fixed]))
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
