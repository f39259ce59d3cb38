/** The warm connections, a slot each, and those that end: what they carry together, and which one takes the next flow. */
import type { Moment } from '#lib/moment'
import { err, type Result } from '#lib/result'
import type { FlowRefusal, TunnelConnection } from '#lib/tunnel/tunnel-connection'

const NOT_CONNECTED: FlowRefusal = { status: 503, reason: 'not_connected' }

export class ConnectionPool {
  readonly #slots: (TunnelConnection | undefined)[] = []
  /** Those that take no new flows. */
  readonly #retired = new Set<TunnelConnection>()
  #lastHeard: Moment | undefined

  /** The least loaded one first. */
  usable(): readonly TunnelConnection[] {
    return this.#warm()
      .filter((one) => one.usable)
      .sort((a, b) => a.openFlows - b.openFlows)
  }

  at(slot: number): TunnelConnection | undefined {
    return this.#slots[slot]
  }

  get slots(): readonly number[] {
    return this.#slots.flatMap((one, slot) => (one === undefined ? [] : [slot]))
  }

  put(slot: number, connection: TunnelConnection): void {
    this.#slots[slot] = connection
  }

  /** Keeps count of the flows that end on a connection which takes no new ones. @returns the slot that it leaves. */
  retire(connection: TunnelConnection): number | undefined {
    this.#retired.add(connection)
    connection.closed.then(() => this.#retired.delete(connection)).catch(() => undefined)
    const slot = this.#slots.indexOf(connection)
    if (slot < 0) return undefined
    this.#slots[slot] = undefined
    return slot
  }

  /** Empties the slots. @returns every connection that there is. */
  takeAll(): readonly TunnelConnection[] {
    const all = this.#all()
    this.#slots.length = 0
    return all
  }

  get openFlows(): number {
    return this.#all().reduce((sum, one) => sum + one.openFlows, 0)
  }

  /** When the gateway was last heard on any of them, now or earlier. */
  get lastHeard(): Moment | undefined {
    for (const { lastHeard } of this.#warm()) {
      if (lastHeard.steadyMs > (this.#lastHeard?.steadyMs ?? -1)) this.#lastHeard = lastHeard
    }
    return this.#lastHeard
  }

  /** Opens a flow on the least loaded connection. */
  async place<Flow>(
    open: (connection: TunnelConnection) => Promise<Result<Flow, FlowRefusal>>,
  ): Promise<Result<Flow, FlowRefusal>> {
    const [first] = this.usable()
    if (first === undefined) return err(NOT_CONNECTED)
    const opened = await open(first)
    // The gateway did not look at a flow that met its GOAWAY (RFC 9113 section 6.8): it may go elsewhere.
    const isUnseen = !opened.ok && opened.error.reason === 'gateway_draining'
    const second = isUnseen ? this.usable()[0] : undefined
    return second === undefined || second === first ? opened : open(second)
  }

  #warm(): readonly TunnelConnection[] {
    return this.#slots.filter((one) => one !== undefined)
  }

  #all(): readonly TunnelConnection[] {
    return [...this.#warm(), ...this.#retired]
  }
}
