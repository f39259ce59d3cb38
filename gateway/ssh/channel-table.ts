/**
 * The channels of one relayed connection. Numbers and windows belong to the two ends; this table only follows them,
 * so that a message for a channel that is not there, or a window that cannot be, goes no further.
 *
 *   user ──recipient = target's number──► relay ──same number──► target
 */
import type { SftpTap } from './sftp-tap.ts'
import { otherSide, type Side } from './side.ts'

/** RFC 4254 section 5.2: a window never passes 2^32 - 1 octets. */
const WINDOW_LIMIT = 2 ** 32 - 1
/** Bounds the memory of one connection; sshd itself allows 10 sessions by default. */
const CHANNELS_LIMIT = 256

/** One channel. `user` and `target` are the numbers that each end gave it. */
export type Channel = {
  /** Counted from 0 in the order of opening: numbers of the ends are theirs to choose, and come again. */
  readonly index: number
  readonly user: number
  readonly target: number
  /** Octets that each side may still send. */
  readonly window: Record<Side, number>
  readonly closed: Record<Side, boolean>
  /** The user's requests whose reply is due, in order. */
  readonly unanswered: ('program' | 'other')[]
  /** How many replies the target waits for. */
  owedToTarget: number
  /** The program request that was let through: shell, exec or subsystem. At most one can succeed. */
  program: string | undefined
  sftp: SftpTap | undefined
}

type Opening = { readonly kind: string; readonly windowBytes: number }

export class ChannelTable {
  readonly #byUser = new Map<number, Channel>()
  readonly #byTarget = new Map<number, Channel>()
  #opened = 0
  readonly #openings = new Map<number, Opening>()

  get full(): boolean {
    return this.#byUser.size + this.#openings.size >= CHANNELS_LIMIT
  }

  /** Notes that the user asks for a channel. @returns false when the number is in use. */
  begin(user: number, opening: Opening): boolean {
    if (this.#byUser.has(user) || this.#openings.has(user)) return false
    this.#openings.set(user, opening)
    return true
  }

  /** Forgets a channel that the target refused. @returns false when nobody had asked. */
  refuse(user: number): boolean {
    return this.#openings.delete(user)
  }

  /** The target took the channel. @returns the channel, or why that cannot be. */
  confirm(user: number, target: number, windowBytes: number): Channel | 'unasked' | 'reused' {
    const opening = this.#openings.get(user)
    if (opening === undefined) return 'unasked'
    if (this.#byTarget.has(target)) return 'reused'
    this.#openings.delete(user)
    const channel: Channel = {
      index: this.#opened++,
      user,
      target,
      window: { user: windowBytes, target: opening.windowBytes },
      closed: { user: false, target: false },
      unanswered: [],
      owedToTarget: 0,
      program: undefined,
      sftp: undefined,
    }
    this.#byUser.set(user, channel)
    this.#byTarget.set(target, channel)
    return channel
  }

  /** The channel that a message from `from` is for; the recipient is the number of the other end. */
  find(from: Side, recipient: number): Channel | undefined {
    const channel = (from === 'user' ? this.#byTarget : this.#byUser).get(recipient)
    return channel?.closed[from] === true ? undefined : channel
  }

  /** One side closes. @returns true when both did and the channel is gone. */
  close(from: Side, channel: Channel): boolean {
    channel.closed[from] = true
    if (!(channel.closed.user && channel.closed.target)) return false
    this.#byUser.delete(channel.user)
    this.#byTarget.delete(channel.target)
    return true
  }

  /** Every channel that is open, in the order of opening. */
  all(): readonly Channel[] {
    return [...this.#byUser.values()]
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
