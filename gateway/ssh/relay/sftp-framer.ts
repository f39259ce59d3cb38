/**
 * Cuts one direction of an SFTP stream into packets (draft-ietf-secsh-filexfer-02 section 3) and keeps the head of each:
 * enough for names and handles, never file contents.
 *
 *   uint32 length ‖ byte type ‖ …     head = type and what follows, up to `headLimit(type)` octets
 *
 * Octets come out again once the head they belong to was looked at; who looks may put another of the same length in its
 * place, so that the stream stays as long as it was.
 */

/** The start of one packet. */
export type SftpHead = {
  readonly type: number
  /** The packet after its type, cut to the limit; valid only during the call. */
  readonly head: Buffer
  /** Octets of the packet after its type, kept or not. */
  readonly size: number
}

/** What stands in place of a packet's start: a head as long as it was. */
export type Replacement = { readonly type: number; readonly head: Buffer }

type OnPacket = (packet: SftpHead) => Replacement | undefined

/** sftp-server of OpenSSH ends itself above this (SFTP_MAX_MSG_LENGTH). */
const PACKET_LIMIT = 256 * 1024
/** A kept head must hold two paths of 4096 octets and fields between them. */
const LONGEST_HEAD = 16 * 1024

export class SftpFramer {
  readonly #headLimit: (type: number) => number
  readonly #onPacket: OnPacket
  /** Octets of the length, the type and the head that came so far, when they came in pieces. */
  #kept: Buffer = Buffer.alloc(0)
  /** Octets of the packet still to be passed over. */
  #skip = 0

  constructor(headLimit: (type: number) => number, onPacket: OnPacket) {
    this.#headLimit = headLimit
    this.#onPacket = onPacket
  }

  /**
   * Takes the next octets, in any split.
   * @returns what comes out, or undefined when they are no SFTP; the framer is then of no use.
   */
  feed(bytes: Buffer): Buffer[] | undefined {
    const out: Buffer[] = []
    let rest = this.#skipFrom(bytes, out)
    while (rest.length > 0) {
      const whole = this.#kept.length === 0 ? rest : Buffer.concat([this.#kept, rest])
      const taken = this.#take(whole, out)
      if (taken === 'malformed') return undefined
      if (taken === 'incomplete') {
        // A copy: the chunk belongs to its owner again when this call returns.
        this.#kept = Buffer.from(whole)
        return out
      }
      this.#kept = Buffer.alloc(0)
      rest = this.#skipFrom(whole.subarray(taken), out)
    }
    return out
  }

  #skipFrom(bytes: Buffer, out: Buffer[]): Buffer {
    const skipped = Math.min(this.#skip, bytes.length)
    this.#skip -= skipped
    if (skipped > 0) out.push(bytes.subarray(0, skipped))
    return bytes.subarray(skipped)
  }

  /** Reads one packet's head from the start of `whole`. @returns how many octets it took. */
  #take(whole: Buffer, out: Buffer[]): number | 'incomplete' | 'malformed' {
    if (whole.length < 4) return 'incomplete'
    const length = whole.readUInt32BE(0)
    if (length < 1 || length > PACKET_LIMIT) return 'malformed'
    const type = whole[4]
    if (type === undefined) return 'incomplete'
    const size = length - 1
    const wanted = Math.min(size, this.#headLimit(type), LONGEST_HEAD)
    if (whole.length < 5 + wanted) return 'incomplete'
    this.#skip = size - wanted
    const replaced = this.#onPacket({ type, head: whole.subarray(5, 5 + wanted), size })
    if (replaced === undefined) out.push(whole.subarray(0, 5 + wanted))
    else out.push(whole.subarray(0, 4), Buffer.of(replaced.type), replaced.head)
    return 5 + wanted
  }
}
