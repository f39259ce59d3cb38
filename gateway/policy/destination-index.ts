/**
 * Values by destination: a hash of exact names, a hash of zones, a trie of prefixes. A look-up costs one probe per
 * label or bit, however many destinations there are, plus what it finds.
 */
import type { IpAddress } from '#lib/net/address'
import type { Host } from '#lib/net/endpoint'
import type { HostName } from '#lib/net/host'
import { portCount, portsContain } from '#lib/net/ports'
import { PrefixTrie } from '#lib/net/prefix-trie'
import type { Destination } from './document.ts'

/** What a flow goes to, besides the host. */
export type Service = { readonly port: number; readonly transport: 'tcp' | 'udp' }

/** A value and the destination under which it stands. */
export type Entry<T> = { readonly destination: Destination; readonly value: T }

/** Immutable once built. Results come the most specific first; a value with several destinations may come twice. */
export class DestinationIndex<T> {
  readonly #exact = new Map<string, Entry<T>[]>()
  readonly #below = new Map<string, Entry<T>[]>()
  readonly #prefixes = new PrefixTrie<Entry<T>>()
  readonly #any: Entry<T>[] = []

  constructor(entries: readonly Entry<T>[]) {
    // Smaller sets of ports first: within one host the more specific entry is met first.
    const sized = entries.map((entry) => ({ entry, size: portCount(entry.destination.ports) }))
    for (const { entry } of sized.sort((a, b) => a.size - b.size)) this.#add(entry)
  }

  /** Entries whose destination matches this host and service. */
  matches(host: Host, service: Service): Entry<T>[] {
    const found =
      host.kind === 'name' ? this.#byName(host.name) : this.#prefixes.matches(host.address)
    return [...found, ...this.#any].filter((entry) => serves(entry.destination, service))
  }

  /** Entries written on addresses that match; `*` is not written on addresses. */
  onAddress(address: IpAddress, service: Service): Entry<T>[] {
    return this.#prefixes.matches(address).filter((entry) => serves(entry.destination, service))
  }

  #add(entry: Entry<T>): void {
    const { host } = entry.destination
    if (host.kind === 'any') this.#any.push(entry)
    else if (host.kind === 'prefix') this.#prefixes.add(host.prefix, entry)
    else push(host.pattern.kind === 'exact' ? this.#exact : this.#below, host.pattern.name, entry)
  }

  #byName(name: HostName): Entry<T>[] {
    const found = [...(this.#exact.get(name) ?? [])]
    for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
      found.push(...(this.#below.get(name.slice(dot + 1)) ?? []))
    }
    return found
  }
}

function serves({ ports, transport }: Destination, service: Service): boolean {
  const carried = transport === undefined || transport === service.transport
  return carried && portsContain(ports, service.port)
}

function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}
