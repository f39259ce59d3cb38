/**
 * One leg of an inspected connection: an SSH transport on the stream it came by. What its messages mean is decided
 * by whoever holds the leg.
 */
import type { Duplex } from 'node:stream'
import { collectBulk } from '#lib/tunnel/bulk-buffers-os'
import { createTransport } from './transport.ts'
import type {
  ReceivedPacket,
  SshTransport,
  TransportClosed,
  TransportSettings,
} from './transport-types.ts'

/** How long a peer may take to read what was sent before the end. */
const LINGER_MS = 10_000

export class SshLeg {
  readonly transport: SshTransport
  onPacket: (packet: ReceivedPacket) => void = () => {}
  onReady: (first: boolean) => void = () => {}
  onClosed: (closed: TransportClosed) => void = () => {}
  /** After each chunk and each drain: time to ask again who may be read. */
  onProgress: () => void = () => {}
  /** Octets that came in, as on the wire. */
  receivedOctets = 0
  /** Resolves when the stream is closed. */
  readonly gone: Promise<void>
  readonly #stream: Duplex

  /** Handlers are to be set before the current task ends. */
  constructor(stream: Duplex, settings: TransportSettings) {
    this.#stream = stream
    this.transport = createTransport(settings, {
      onOutput: (bytes, written) => stream.write(bytes, written),
      onPacket: (packet) => this.onPacket(packet),
      onReady: (first) => this.onReady(first),
      onDrain: () => this.onProgress(),
      onClosed: (closed) => this.#end(closed),
    })
    this.gone = stream.closed
      ? Promise.resolve()
      : new Promise((resolve) => stream.once('close', resolve))
    stream.on('data', (chunk: Buffer) => this.#receive(chunk))
    // An error is followed by close.
    stream.on('error', () => {})
    stream.once('end', () => this.transport.connectionLost())
    stream.once('close', () => this.transport.connectionLost())
    // A peer that left while the flow was set up: its end was told to nobody.
    const isOver = stream.destroyed || stream.readableEnded
    if (isOver) queueMicrotask(() => this.transport.connectionLost())
  }

  /** Reads on, or lets the peer wait. */
  setReading(reading: boolean): void {
    if (reading === !this.#stream.isPaused()) return
    if (reading || this.transport.closed) this.#stream.resume()
    else this.#stream.pause()
  }

  /** From here on, messages mean nothing. */
  ignore(): void {
    this.onPacket = () => {}
    this.onProgress = () => {}
  }

  #receive(chunk: Buffer): void {
    this.receivedOctets += chunk.length
    this.transport.receive(chunk)
    this.onProgress()
    collectBulk(chunk.length)
  }

  #end(closed: TransportClosed): void {
    this.#stream.end()
    // What still comes is thrown away, so that the end of the stream is seen.
    this.#stream.resume()
    const linger = setTimeout(() => this.#stream.destroy(), LINGER_MS)
    this.#stream.once('close', () => clearTimeout(linger))
    this.onClosed(closed)
  }
}
