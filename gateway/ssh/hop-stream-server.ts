/** A channel end of ours as a stream: half-close is kept, and its reader decides how fast the peer may send. */
import { Duplex } from 'node:stream'
import type { ChannelEnd } from './relay/channel-end.ts'
import type { OwnEnds } from './relay/own-ends.ts'
import type { Side } from './relay/side.ts'
import type { SshLeg } from './transport/ssh-leg-server.ts'

export type HopStreamHandlers = {
  readonly onOpen?: () => void
  readonly onRefused?: () => void
  readonly onOctets: (octets: number) => void
}

type LegOut = { readonly transport: Pick<SshLeg['transport'], 'send' | 'backlogged'> }

export class HopStream extends Duplex {
  readonly channel: ChannelEnd
  readonly #leg: LegOut
  /** Octets that were handed on and not yet given back to the peer's window. */
  #unread = 0
  #waiting: { readonly rest: Buffer; readonly done: () => void } | undefined
  /** Came while the reader was behind: kept as one piece, since a peer may send its window octet by octet. */
  #held = Buffer.alloc(0)
  #heldOctets = 0
  #hasEnded = false
  #isOver = false

  constructor(ends: OwnEnds, side: Side, leg: LegOut, handlers: HopStreamHandlers) {
    super()
    this.#leg = leg
    this.channel = ends.make(side, (payload) => leg.transport.send(payload), {
      onOpen: () => {
        if (this.destroyed) this.channel.close()
        else handlers.onOpen?.()
      },
      onRefused: () => handlers.onRefused?.(),
      onData: (bytes) => {
        handlers.onOctets(bytes.length)
        this.#unread += bytes.length
        this.#take(bytes)
      },
      onEof: () => this.#endReading(),
      onClosed: () => this.#over(),
      onWindow: () => this.progress(),
    })
  }

  /** As of a socket, for those who end flows at once. */
  resetAndDestroy(): this {
    return this.destroy()
  }

  /** The leg or the peer may take more now. */
  progress(): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    if (waiting !== undefined) this.#writeOn(waiting.rest, waiting.done)
  }

  override _read(): void {
    this.#pushHeld()
    this.channel.consumed(this.#unread)
    this.#unread = 0
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.#writeOn(chunk, done)
  }

  override _final(done: () => void): void {
    this.channel.eof()
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.channel.close()
    this.#waiting = undefined
    done(error)
  }

  #take(bytes: Buffer): void {
    const isBehind = this.#heldOctets > 0 || this.readableLength >= this.readableHighWaterMark
    if (!isBehind) {
      this.push(Buffer.from(bytes))
      return
    }
    const octets = this.#heldOctets + bytes.length
    if (octets > this.#held.length) {
      this.#held = Buffer.concat([this.#held], Math.max(octets, 2 * this.#held.length))
    }
    bytes.copy(this.#held, this.#heldOctets)
    this.#heldOctets = octets
  }

  #pushHeld(): void {
    if (this.#heldOctets === 0) return
    const held = this.#held.subarray(0, this.#heldOctets)
    this.#held = Buffer.alloc(0)
    this.#heldOctets = 0
    this.push(held)
  }

  #writeOn(bytes: Buffer, done: () => void): void {
    const isHeld = this.#leg.transport.backlogged
    const sent = isHeld ? 0 : this.channel.write(bytes)
    if (this.#isOver || sent === bytes.length) done()
    else this.#waiting = { rest: bytes.subarray(sent), done }
  }

  #endReading(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#pushHeld()
    this.push(null)
  }

  /** The peer closed: what is still to be written goes nowhere. */
  #over(): void {
    this.#isOver = true
    if (this.destroyed) return
    this.#endReading()
    this.progress()
    this.end()
  }
}
