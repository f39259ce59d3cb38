/**
 * The channels of one relayed connection. Numbers and windows belong to the two ends; this table only follows them,
 * so that a message for a channel that is not there, or a window that cannot be, goes no further.
 *
 *   user ──recipient = target's number──► relay ──same number──► target
 */
import type { ForwardTarget } from './forward-target.ts'
import type { PeerEnd } from './messages.ts'
import { NestedSsh } from './nested-ssh.ts'
import { FIRST_OWN_NUMBER } from './own-ends.ts'
import type { SftpTap } from './sftp-tap.ts'
import { otherSide, type Side } from './side.ts'

/** RFC 4254 section 5.2: a window never passes 2^32 - 1 octets. */
const WINDOW_LIMIT = 2 ** 32 - 1
/** Bounds the memory of one connection; sshd itself allows 10 sessions by default. */
const CHANNELS_LIMIT = 256

/** What is known of a channel when it is asked for. */
export type Opening = Omit<PeerEnd, 'sender'> & {
  readonly kind: string
  /** What a forwarding leads to, if it names that. */
  readonly target?: ForwardTarget | undefined
}

/** One channel. `user` and `target` are the numbers that each end gave it. */
export type Channel = {
  /** Counted from 0 in the order of opening: numbers of the ends are theirs to choose, and come again. */
  readonly index: number
  readonly kind: string
  readonly user: number
  readonly target: number
  /** Octets that each side may still send. */
  readonly window: Record<Side, number>
  /** Longest data that may be sent to each side in one message. */
  readonly packet: Readonly<Record<Side, number>>
  /** Who said that no more data comes. */
  readonly eof: Record<Side, boolean>
  readonly closed: Record<Side, boolean>
  /** Octets that each side sent. */
  readonly passed: Record<Side, number>
  /** The user's requests whose reply is due, in order. */
  readonly unanswered: ('program' | 'other')[]
  /** How many replies the target waits for. */
  owedToTarget: number
  /** The program request that was let through: shell, exec or subsystem. At most one can succeed. */
  program: string | undefined
  /** A terminal was asked for. */
  terminal: boolean
  sftp: SftpTap | undefined
  /** Set while it is not known what is spoken inside a forwarding, of an agent and X11 too. */
  nested: NestedSsh | undefined
  /** Ended here: each side was told that the other sends no more, and what still comes is dropped. */
  isCut: boolean
}

export class ChannelTable {
  readonly #byNumber: Readonly<Record<Side, Map<number, Channel>>> = {
    user: new Map(),
    target: new Map(),
  }
  readonly #openings: Readonly<Record<Side, Map<number, Opening>>> = {
    user: new Map(),
    target: new Map(),
  }
  #opened = 0

  get full(): boolean {
    const { user, target } = this.#openings
    return this.#byNumber.user.size + user.size + target.size >= CHANNELS_LIMIT
  }

  /** Channels are counted in the order of opening, wherever they end. */
  nextIndex(): number {
    return this.#opened++
  }

  /** Notes that `opener` asks for a channel under its number. @returns false when the number is in use. */
  begin(opener: Side, number: number, opening: Opening): boolean {
    if (number >= FIRST_OWN_NUMBER) return false
    if (this.#byNumber[opener].has(number) || this.#openings[opener].has(number)) return false
    this.#openings[opener].set(number, opening)
    return true
  }

  /** Forgets a channel that the other side refused. @returns false when nobody had asked. */
  refuse(opener: Side, number: number): boolean {
    return this.#openings[opener].delete(number)
  }

  /** The other side took the channel. @returns the channel and what was asked for, or why that cannot be. */
  confirm(
    opener: Side,
    number: number,
    { sender, windowBytes, packetBytes }: PeerEnd,
  ): { readonly channel: Channel; readonly opening: Opening } | 'unasked' | 'reused' {
    const taker = otherSide(opener)
    const opening = this.#openings[opener].get(number)
    if (opening === undefined) return 'unasked'
    if (sender >= FIRST_OWN_NUMBER) return 'reused'
    if (this.#byNumber[taker].has(sender) || this.#openings[taker].has(sender)) return 'reused'
    this.#openings[opener].delete(number)
    const isUsers = opener === 'user'
    const sides = <T>(ofOpener: T, ofTaker: T): Record<Side, T> =>
      isUsers ? { user: ofOpener, target: ofTaker } : { user: ofTaker, target: ofOpener }
    const channel: Channel = {
      index: this.#opened++,
      kind: opening.kind,
      ...sides(number, sender),
      window: sides(windowBytes, opening.windowBytes),
      packet: sides(opening.packetBytes, packetBytes),
      eof: { user: false, target: false },
      closed: { user: false, target: false },
      passed: { user: 0, target: 0 },
      unanswered: [],
      owedToTarget: 0,
      program: undefined,
      terminal: false,
      sftp: undefined,
      nested: opening.kind === 'session' ? undefined : new NestedSsh(),
      isCut: false,
    }
    this.#byNumber.user.set(channel.user, channel)
    this.#byNumber.target.set(channel.target, channel)
    return { channel, opening }
  }

  /** The channel that a message from `from` is for; the recipient is the number of the other end. */
  find(from: Side, recipient: number): Channel | undefined {
    const channel = this.#byNumber[otherSide(from)].get(recipient)
    return channel?.closed[from] === true ? undefined : channel
  }

  /** One side closes. @returns true when both did and the channel is gone. */
  close(from: Side, channel: Channel): boolean {
    channel.closed[from] = true
    if (!(channel.closed.user && channel.closed.target)) return false
    this.#byNumber.user.delete(channel.user)
    this.#byNumber.target.delete(channel.target)
    return true
  }

  /** Every channel that is open, in the order of opening. */
  all(): readonly Channel[] {
    return [...this.#byNumber.user.values()]
  }
}

/** `from` sends that many octets. @returns false when its window does not have them. */
export function spendWindow(channel: Channel, from: Side, octets: number): boolean {
  channel.window[from] -= octets
  return channel.window[from] >= 0
}

/** `from` lets the other side send more. @returns false when the window would pass 2^32 - 1 (T08). */
export function grantWindow(channel: Channel, from: Side, octets: number): boolean {
  const other = otherSide(from)
  channel.window[other] += octets
  return channel.window[other] <= WINDOW_LIMIT
}
