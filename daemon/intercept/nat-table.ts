/**
 * Which connection of a program stands behind a port of ours. A port is used again as late as can be, so that segments
 * of a connection that ended find their own end of it, not another one.
 */
import type { TcpPath } from './tcp-segment.ts'

/** One connection. */
export type NatEntry = {
  /** Addresses and ports as the program sent them. */
  readonly key: string
  /** Port that stands for the connection. */
  readonly port: number
  /** What the program's segments become, and what answers become. */
  readonly forward: TcpPath
  readonly back: TcpPath
  state: 'opening' | 'open' | 'closing'
}

export type NatLimits = {
  /** Ports that stand for connections: `[first, last]`. */
  readonly firstPort: number
  readonly lastPort: number
  /** Connections whose handshake is not done; the oldest one makes room. */
  readonly openingLimit: number
  /** Connections that ended and are remembered; the oldest one is forgotten. */
  readonly closingLimit: number
}

export const NAT_LIMITS: NatLimits = {
  ...{ firstPort: 10_000, lastPort: 65_535 },
  ...{ openingLimit: 4096, closingLimit: 8192 },
}

export class NatTable {
  readonly #limits: NatLimits
  readonly #byKey = new Map<string, NatEntry>()
  readonly #byPort = new Map<number, NatEntry>()
  readonly #opening = new Set<NatEntry>()
  readonly #closing = new Set<NatEntry>()
  #last: number

  constructor(limits: NatLimits = NAT_LIMITS) {
    this.#limits = limits
    this.#last = limits.lastPort
  }

  /** Connections known, those that ended included. */
  get size(): number {
    return this.#byPort.size
  }

  find(key: string): NatEntry | undefined {
    return this.#byKey.get(key)
  }

  behind(port: number): NatEntry | undefined {
    return this.#byPort.get(port)
  }

  /**
   * Takes a new connection in; one of the same key is forgotten.
   * @param pathsFor its two paths, for the port that it gets.
   * @param onDropped called when a half-open connection had to make room.
   * @returns undefined when every port stands for an open connection.
   */
  add(
    key: string,
    pathsFor: (port: number) => { readonly forward: TcpPath; readonly back: TcpPath },
    onDropped: () => void = () => undefined,
  ): NatEntry | undefined {
    const known = this.#byKey.get(key)
    if (known !== undefined) this.#forget(known)
    if (this.#opening.size >= this.#limits.openingLimit) this.#dropOpening(onDropped)
    const port = this.#freePort(onDropped)
    if (port === undefined) return undefined
    const entry: NatEntry = { key, port, ...pathsFor(port), state: 'opening' }
    this.#byKey.set(key, entry)
    this.#byPort.set(port, entry)
    this.#opening.add(entry)
    return entry
  }

  /** Its handshake is done. */
  accepted(entry: NatEntry): void {
    if (!this.#opening.delete(entry)) return
    entry.state = 'open'
  }

  /** It ended; what is still under way finds it for a while. */
  closed(entry: NatEntry): void {
    if (entry.state === 'closing' || this.#byPort.get(entry.port) !== entry) return
    this.#opening.delete(entry)
    entry.state = 'closing'
    this.#closing.add(entry)
    if (this.#closing.size > this.#limits.closingLimit) this.#forgetFirst(this.#closing)
  }

  #freePort(onDropped: () => void): number | undefined {
    const { firstPort, lastPort } = this.#limits
    const ports = lastPort - firstPort + 1
    if (this.#byPort.size >= ports && !this.#forgetFirst(this.#closing))
      this.#dropOpening(onDropped)
    if (this.#byPort.size >= ports) return undefined
    do this.#last = this.#last >= lastPort ? firstPort : this.#last + 1
    while (this.#byPort.has(this.#last))
    return this.#last
  }

  #dropOpening(onDropped: () => void): void {
    if (this.#forgetFirst(this.#opening)) onDropped()
  }

  #forgetFirst(entries: ReadonlySet<NatEntry>): boolean {
    const [first] = entries
    if (first === undefined) return false
    this.#forget(first)
    return true
  }

  #forget(entry: NatEntry): void {
    this.#opening.delete(entry)
    this.#closing.delete(entry)
    this.#byKey.delete(entry.key)
    this.#byPort.delete(entry.port)
  }
}
