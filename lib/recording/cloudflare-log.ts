/**
 * A recording as a log of Cloudflare's SSH proxy, which `ssh-log-cli decrypt` opens: for tools that were made for it.
 *
 *   u32 | base64 of JSON (start, terminal, end, encapsulated key) | block | block | …
 *   block: u32 | HPKE message (X25519, HKDF-SHA256, ChaCha20-Poly1305; empty info and aad), in one sequence
 *   inside: u32 length of what follows | u8 source (0 client, 1 target) | u32 code | u64 microseconds | octets
 *
 * It is weaker than ours: its JSON is not authenticated, nothing marks its end, it has one recipient and one channel.
 */
import { concat, toHex, utf8 } from '../seal/bytes.ts'
import type { HpkeSender } from '../seal/hpke-seal.ts'
import type { DataFrame, Frame } from './frame.ts'
import { OneChannel } from './one-channel.ts'
import type { SessionEvent } from './session-event.ts'
import type { View, ViewOptions } from './view.ts'

const NOTHING = new Uint8Array(0)
const PACKET_HEAD_BYTES = 1 + 4 + 8
/** Code of standard error, as SSH numbers it (RFC 4254, section 5.2); all else has 0. */
const STDERR_CODE = 1

/** What the head of such a log says of the whole session: it stands before the first block. */
export type CloudflareHead = {
  readonly dataBytes: number
  readonly pty?: SessionEvent & { readonly type: 'pty' }
  readonly exit?: { readonly timeUs: number } & SessionExit
}

type SessionExit = SessionEvent & { readonly type: 'exit_status' | 'exit_signal' }

/** Reads a recording once, ahead of the export. */
export class CloudflareHeadReader {
  readonly #shown: OneChannel
  readonly #input: boolean
  #head: CloudflareHead = { dataBytes: 0 }

  constructor({ channel, input = false }: Omit<ViewOptions, 'startedAtMs'>) {
    this.#shown = new OneChannel(channel)
    this.#input = input
  }

  get head(): CloudflareHead {
    return this.#head
  }

  push(frame: Frame): void {
    if (!this.#shown.has(frame)) return
    if ('event' in frame) this.#head = { ...this.#head, ...factsOf(frame.timeUs, frame.event) }
    else if (frame.stream !== 'input' || this.#input) {
      this.#head = { ...this.#head, dataBytes: this.#head.dataBytes + frame.bytes.length }
    }
  }
}

export class CloudflareLogView implements View<Uint8Array> {
  readonly #options: ViewOptions
  readonly #shown: OneChannel
  readonly #sender: HpkeSender
  #head: Uint8Array

  /** @param sender a sequence that nothing was sealed with yet. */
  constructor(options: ViewOptions, head: CloudflareHead, sender: HpkeSender) {
    this.#options = options
    this.#shown = new OneChannel(options.channel)
    this.#sender = sender
    this.#head = withLength(utf8(btoa(printHead(options, head, sender.encapsulated))))
  }

  push(frame: Frame): Uint8Array {
    if (!this.#shown.has(frame) || 'event' in frame) return NOTHING
    if (frame.stream === 'input' && this.#options.input !== true) return NOTHING
    return concat([this.#takeHead(), withLength(this.#sender.seal(packetOf(frame), NOTHING))])
  }

  end(): Uint8Array {
    this.#sender.erase()
    return this.#takeHead()
  }

  #takeHead(): Uint8Array {
    const head = this.#head
    this.#head = NOTHING
    return head
  }
}

function factsOf(timeUs: number, event: SessionEvent): Partial<CloudflareHead> {
  if (event.type === 'pty') return { pty: event }
  if (event.type === 'exit_status' || event.type === 'exit_signal') {
    return { exit: { timeUs, ...event } }
  }
  return {}
}

/** ASCII: names of terminals and signals come from outside, and are escaped. */
function printHead(
  { startedAtMs }: ViewOptions,
  { dataBytes, pty, exit }: CloudflareHead,
  encapsulated: Uint8Array,
): string {
  const head = {
    started_at: Math.floor(startedAtMs / 1000),
    data_size: dataBytes,
    encapsulated_key: toHex(encapsulated),
    pty: pty ? { term: pty.term, width: pty.columns, height: pty.rows, modes: [] } : null,
    exit_data: exit
      ? { timestamp: Math.floor((startedAtMs + exit.timeUs / 1000) / 1000), ...endOf(exit) }
      : null,
  }
  return JSON.stringify(head).replace(/[^ -~]/g, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}

function endOf(exit: SessionExit): Readonly<Record<string, unknown>> {
  return exit.type === 'exit_status'
    ? { status: exit.code, signal: null, core_dumped: false, error_msg: null }
    : { status: null, signal: exit.name, core_dumped: exit.coreDumped, error_msg: null }
}

function packetOf({ timeUs, stream, bytes }: DataFrame): Uint8Array {
  const packet = new Uint8Array(PACKET_HEAD_BYTES + bytes.length)
  const view = new DataView(packet.buffer)
  view.setUint8(0, stream === 'input' ? 0 : 1)
  view.setUint32(1, stream === 'stderr' ? STDERR_CODE : 0)
  view.setBigUint64(5, BigInt(timeUs))
  packet.set(bytes, PACKET_HEAD_BYTES)
  return withLength(packet)
}

function withLength(bytes: Uint8Array): Uint8Array {
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, bytes.length)
  return concat([length, bytes])
}
