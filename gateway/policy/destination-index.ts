/**
 * Values by destination: a hash of exact names, a hash of zones, a trie of prefixes, and for `*` the ports cut in
 * pieces. A look-up costs one probe per label or bit, however many destinations there are, plus what it finds.
 */
import type { IpAddress } from '#lib/net/address'
import type { Host } from '#lib/net/endpoint'
import type { Transport } from '#lib/net/flow-endpoint'
import type { HostName } from '#lib/net/host'
import { PortIndex } from '#lib/net/port-index'
import { portCount, portsContain } from '#lib/net/ports'
import { PrefixTrie } from '#lib/net/prefix-trie'
import type { Destination } from './destination.ts'
import { inSteps, type Steps } from './in-steps.ts'

/** What a flow goes to, besides the host. */
export type Service = { readonly port: number; readonly transport: Transport }

/** A value and the destination under which it stands. */
export type Entry<T> = { readonly destination: Destination; readonly value: T }

/** Immutable once built. Results come the most specific first; a value with several destinations may come twice. */
export class DestinationIndex<T> {
  readonly #exact = new Map<string, Entry<T>[]>()
  readonly #below = new Map<string, Entry<T>[]>()
  /** How long the names of zones are that something is written on. */
  readonly #zoneLengths = new Set<number>()
  readonly #prefixes = new PrefixTrie<Entry<T>>()
  readonly #any: PortIndex<Entry<T>>
  readonly #anyHost: readonly Entry<T>[]

  private constructor(anyHost: readonly Entry<T>[]) {
    this.#anyHost = anyHost
    this.#any = new PortIndex(anyHost.map((value) => ({ ports: value.destination.ports, value })))
  }

  static *of<T>(entries: readonly Entry<T>[]): Steps<DestinationIndex<T>> {
    // Smaller sets of ports first: within one host the more specific entry is met first.
    const bySize = new Map<number, Entry<T>[]>()
    yield* inSteps(entries, (entry) => push(bySize, portCount(entry.destination.ports), entry))
    const sorted = [...bySize].sort(([a], [b]) => a - b).flatMap(([, sameSize]) => sameSize)
    const anyHost = sorted.filter(({ destination }) => destination.host.kind === 'any')
    const index = new DestinationIndex(anyHost)
    yield* inSteps(sorted, (entry) => index.#add(entry))
    return index
  }

  /** Entries whose destination matches this host and service. */
  matches(host: Host, service: Service): Entry<T>[] {
    const found: Entry<T>[] = []
    for (const entries of this.#byHost(host)) addServing(found, entries, service)
    addServing(found, this.#any.at(service.port), service)
    return found
  }

  /** Entries whose destination is at this host, whatever the service. */
  onHost(host: Host): Entry<T>[] {
    return [...this.#byHost(host), this.#anyHost].flat()
  }

  /** Entries written on addresses that match; `*` is not written on addresses. */
  onAddress(address: IpAddress, service: Service): Entry<T>[] {
    return this.#prefixes.matches(address).filter((entry) => serves(entry.destination, service))
  }

  #add(entry: Entry<T>): void {
    const { host } = entry.destination
    if (host.kind === 'prefix') this.#prefixes.add(host.prefix, entry)
    if (host.kind !== 'name') return
    const { kind, name } = host.pattern
    push(kind === 'exact' ? this.#exact : this.#below, flat(name), entry)
    if (kind !== 'exact') this.#zoneLengths.add(name.length)
  }

  #byHost(host: Host): (readonly Entry<T>[])[] {
    return host.kind === 'name' ? this.#byName(host.name) : [this.#prefixes.matches(host.address)]
  }

  #byName(name: HostName): (readonly Entry<T>[])[] {
    const exact = this.#exact.get(name)
    const found = exact === undefined ? [] : [exact]
    for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
      // To cut a name and hash the rest costs more than to know that no zone is that long.
      if (!this.#zoneLengths.has(name.length - dot - 1)) continue
      const below = this.#below.get(name.slice(dot + 1))
      if (below !== undefined) found.push(below)
    }
    return found
  }
}

/** A copy for V8, which compares a part of a longer text, as parsers return it, slowly. */
function flat(name: string): string {
  return Buffer.from(name).toString()
}

function addServing<T>(found: Entry<T>[], entries: readonly Entry<T>[], service: Service): void {
  for (const entry of entries) if (serves(entry.destination, service)) found.push(entry)
}

function serves({ ports, transport }: Destination, service: Service): boolean {
  const carried = transport === undefined || transport === service.transport
  return carried && portsContain(ports, service.port)
}

function push<K, T>(map: Map<K, T[]>, key: K, value: T): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}
