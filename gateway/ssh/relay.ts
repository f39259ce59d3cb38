/**
 * The relay between the user's SSH connection and the target's (RFC 4254). Pure: messages in, one action out, what
 * happened told to `RelayWatch`. Both sides are authenticated; channel numbers and windows stay theirs, so a message
 * is forwarded as it came, renamed so that the receiver refuses it in its turn, answered here, or dropped.
 *
 * Whatever is data is told to the watch before it is forwarded, and never told when it is not (T60).
 */
import type { SessionEvent, StreamName } from '#lib/recording/session-event'
import { MESSAGE } from '#lib/ssh/message-numbers'
import { type Channel, ChannelTable, grantWindow, spendWindow } from './channel-table.ts'
import {
  DATA_HEADER,
  EXTENDED_DATA_HEADER,
  OPEN_FAILURE,
  openFailure,
  type Request,
  readChannelOpen,
  readChannelRequest,
  readGlobalRequest,
  readOpenConfirmation,
  renameChannelRequest,
  renameGlobalRequest,
  uint32At,
} from './messages.ts'
import {
  judgeChannelOpen,
  judgeChannelRequest,
  judgeGlobalRequest,
  type Verdict,
} from './policy-verbs.ts'
import type { RefusalReason, SshVerb } from './request-rules.ts'
import { SftpTap } from './sftp-tap.ts'
import { otherSide, type Side } from './side.ts'

/** What is to be done with one message. */
export type RelayAction =
  /** Pass it on as it came. */
  | { readonly kind: 'forward' }
  /** Pass this on instead. */
  | { readonly kind: 'rewrite'; readonly payload: Buffer }
  /** Send this back to where the message came from. */
  | { readonly kind: 'answer'; readonly payload: Buffer }
  | { readonly kind: 'drop' }
  /** The side that sent the message broke the protocol: end both connections. */
  | { readonly kind: 'end'; readonly reason: ProtocolBreach }

/** How a peer broke RFC 4254; stable codes for the log. */
export type ProtocolBreach =
  | 'malformed_message'
  | 'unexpected_message'
  | 'unknown_channel'
  | 'channel_reuse'
  | 'window_overflow'
  | 'window_exceeded'
  | 'too_many_unanswered'

/** Who is told what passes. */
export type RelayWatch = {
  /** Data of a channel, by its index, just before it is forwarded; valid only during the call. */
  data(channel: number, stream: StreamName, bytes: Buffer): void
  event(event: SessionEvent): void
}

/** Channel of events that belong to none. */
const WHOLE_SESSION = -1
/** Requests of one channel whose reply is due; real clients have a handful. */
const UNANSWERED_LIMIT = 1024
/** Longest text of a peer in a refusal, in characters. */
const REFUSED_TEXT_LIMIT = 256

const FORWARD: RelayAction = { kind: 'forward' }
const DROP: RelayAction = { kind: 'drop' }

export class SshRelay {
  readonly #channels = new ChannelTable()
  readonly #verbs: ReadonlySet<SshVerb>
  readonly #watch: RelayWatch
  /** Global requests whose reply each side waits for. */
  readonly #globalOwed: Record<Side, number> = { user: 0, target: 0 }

  constructor(verbs: ReadonlySet<SshVerb>, watch: RelayWatch) {
    this.#verbs = verbs
    this.#watch = watch
  }

  /** Takes one message (`payload` begins with its type). Never throws, whatever the octets; keeps none of them. */
  take(from: Side, payload: Buffer): RelayAction {
    switch (payload[0]) {
      case MESSAGE.channelData:
      case MESSAGE.channelExtendedData:
        return this.#data(from, payload)
      case MESSAGE.channelWindowAdjust:
        return this.#windowAdjust(from, payload)
      case MESSAGE.channelRequest:
        return this.#channelRequest(from, payload)
      case MESSAGE.channelSuccess:
      case MESSAGE.channelFailure:
        return this.#channelReply(from, payload)
      case MESSAGE.channelEof:
      case MESSAGE.channelClose:
        return this.#ending(from, payload)
      default:
        return this.#other(from, payload)
    }
  }

  /** The connections are gone: tells the watch what stayed open. */
  end(): void {
    for (const channel of this.#channels.all()) this.#closed(channel)
  }

  #other(from: Side, payload: Buffer): RelayAction {
    const type = payload[0] ?? 0
    switch (type) {
      case MESSAGE.channelOpen:
        return this.#open(from, payload)
      case MESSAGE.channelOpenConfirmation:
        return this.#openConfirmation(from, payload)
      case MESSAGE.channelOpenFailure:
        return this.#openFailure(from, payload)
      case MESSAGE.globalRequest:
        return this.#globalRequest(from, payload)
      case MESSAGE.requestSuccess:
      case MESSAGE.requestFailure:
        return this.#globalReply(from)
      default:
        // RFC 4252 section 5.1: authentication messages after success are ignored in silence.
        return type >= 50 && type < MESSAGE.globalRequest ? DROP : breach('unexpected_message')
    }
  }

  #data(from: Side, payload: Buffer): RelayAction {
    const extended = payload[0] === MESSAGE.channelExtendedData
    const header = extended ? EXTENDED_DATA_HEADER : DATA_HEADER
    if (payload.length < header) return breach('malformed_message')
    const size = payload.readUInt32BE(header - 4)
    if (payload.length !== header + size) return breach('malformed_message')
    const channel = this.#channels.find(from, payload.readUInt32BE(1))
    if (channel === undefined) return breach('unknown_channel')
    // RFC 4254 section 5.2 defines no extended data that a client could send.
    if (extended && from === 'user') return breach('unexpected_message')
    if (!spendWindow(channel, from, size)) return breach('window_exceeded')
    const bytes = payload.subarray(header)
    this.#watch.data(channel.index, streamName(from, extended), bytes)
    if (!extended) channel.sftp?.feed(from, bytes)
    return FORWARD
  }

  #windowAdjust(from: Side, payload: Buffer): RelayAction {
    const octets = uint32At(payload, 5)
    if (octets === undefined) return breach('malformed_message')
    const channel = this.#channels.find(from, payload.readUInt32BE(1))
    if (channel === undefined) return DROP
    return grantWindow(channel, from, octets) ? FORWARD : breach('window_overflow')
  }

  #ending(from: Side, payload: Buffer): RelayAction {
    const recipient = uint32At(payload, 1)
    if (recipient === undefined) return breach('malformed_message')
    const channel = this.#channels.find(from, recipient)
    if (channel === undefined) return breach('unknown_channel')
    if (payload[0] === MESSAGE.channelEof) {
      this.#watch.event({ type: 'eof', channel: channel.index, from })
    } else if (this.#channels.close(from, channel)) {
      this.#closed(channel)
    }
    return FORWARD
  }

  #closed(channel: Channel): void {
    channel.sftp?.end()
    this.#watch.event({ type: 'channel_closed', channel: channel.index })
  }

  #channelRequest(from: Side, payload: Buffer): RelayAction {
    const recipient = uint32At(payload, 1)
    const request = recipient === undefined ? undefined : readChannelRequest(payload)
    if (recipient === undefined || request === undefined) return breach('malformed_message')
    const channel = this.#channels.find(from, recipient)
    if (channel === undefined) return breach('unknown_channel')
    const verdict = onlyOneProgram(
      channel,
      judgeChannelRequest(from, request, channel.index, this.#verbs),
    )
    if (verdict.kind === 'malformed') return breach('malformed_message')
    if (request.wantReply && !expectReply(channel, from, verdict)) {
      return breach('too_many_unanswered')
    }
    if (verdict.kind === 'pass') {
      this.#passed(channel, verdict)
      return FORWARD
    }
    this.#refused(channel.index, request.name, verdict)
    return { kind: 'rewrite', payload: renameChannelRequest(payload, request) }
  }

  #passed(channel: Channel, verdict: Verdict & { readonly kind: 'pass' }): void {
    if (verdict.event !== undefined) this.#watch.event(verdict.event)
    if (verdict.program === undefined) return
    channel.program = verdict.program
    if (verdict.program !== 'sftp') return
    channel.sftp = new SftpTap(channel.index, (event) => this.#watch.event(event))
  }

  #channelReply(from: Side, payload: Buffer): RelayAction {
    const recipient = uint32At(payload, 1)
    if (recipient === undefined) return breach('malformed_message')
    const channel = this.#channels.find(from, recipient)
    if (channel === undefined) return DROP
    if (from === 'user') return owed(channel)
    const answered = channel.unanswered.shift()
    if (answered === undefined) return DROP
    if (answered === 'program' && payload[0] === MESSAGE.channelFailure) {
      // PuTTY asks for the subsystem first and for a command when there is none.
      channel.program = undefined
      channel.sftp = undefined
    }
    return FORWARD
  }

  #open(from: Side, payload: Buffer): RelayAction {
    const open = readChannelOpen(payload)
    if (open === undefined) return breach('malformed_message')
    const verdict = judgeChannelOpen(from, open.kind, open.rest)
    if (verdict.kind === 'refuse') {
      this.#refused(WHOLE_SESSION, open.kind, verdict)
      return refuseOpen(open.sender, OPEN_FAILURE.administrativelyProhibited)
    }
    if (this.#channels.full) {
      this.#refused(WHOLE_SESSION, open.kind, { reason: 'too_many_channels' })
      return refuseOpen(open.sender, OPEN_FAILURE.resourceShortage)
    }
    return this.#channels.begin(open.sender, open) ? FORWARD : breach('channel_reuse')
  }

  #openConfirmation(from: Side, payload: Buffer): RelayAction {
    const confirmation = readOpenConfirmation(payload)
    if (confirmation === undefined) return breach('malformed_message')
    if (from === 'user') return DROP
    const { recipient, sender, windowBytes } = confirmation
    const channel = this.#channels.confirm(recipient, sender, windowBytes)
    if (channel === 'reused') return breach('channel_reuse')
    if (channel === 'unasked') return DROP
    this.#watch.event({ type: 'channel_opened', channel: channel.index, kind: 'session' })
    return FORWARD
  }

  #openFailure(from: Side, payload: Buffer): RelayAction {
    const recipient = uint32At(payload, 1)
    if (recipient === undefined) return breach('malformed_message')
    return from === 'target' && this.#channels.refuse(recipient) ? FORWARD : DROP
  }

  #globalRequest(from: Side, payload: Buffer): RelayAction {
    const request = readGlobalRequest(payload)
    if (request === undefined) return breach('malformed_message')
    if (request.wantReply) this.#globalOwed[from]++
    const verdict = judgeGlobalRequest(from, request)
    if (verdict.kind !== 'refuse') return FORWARD
    // sshd announces its host keys unasked on every connection: no refusal worth a line.
    if (from === 'target') return request.wantReply ? renamed(request) : DROP
    this.#refused(WHOLE_SESSION, request.name, verdict)
    return renamed(request)
  }

  #globalReply(from: Side): RelayAction {
    const asker = otherSide(from)
    if (this.#globalOwed[asker] === 0) return DROP
    this.#globalOwed[asker]--
    return FORWARD
  }

  #refused(
    channel: number,
    what: string,
    refusal: { readonly reason: RefusalReason; readonly target?: string | undefined },
  ): void {
    const { reason, target } = refusal
    this.#watch.event({
      type: 'refused',
      channel,
      what: what.slice(0, REFUSED_TEXT_LIMIT),
      reason,
      ...(target === undefined ? {} : { target: target.slice(0, REFUSED_TEXT_LIMIT) }),
    })
  }
}

function breach(reason: ProtocolBreach): RelayAction {
  return { kind: 'end', reason }
}

function renamed(request: Request): RelayAction {
  return { kind: 'rewrite', payload: renameGlobalRequest(request) }
}

function refuseOpen(sender: number, code: number): RelayAction {
  return { kind: 'answer', payload: openFailure(sender, code) }
}

function streamName(from: Side, extended: boolean): StreamName {
  if (from === 'user') return 'input'
  return extended ? 'stderr' : 'output'
}

/** RFC 4254 section 6.5: one program per channel; a second one would be recorded as what it is not. */
function onlyOneProgram(channel: Channel, verdict: Verdict): Verdict {
  const second =
    verdict.kind === 'pass' && verdict.program !== undefined && channel.program !== undefined
  return second ? { kind: 'refuse', reason: 'second_program' } : verdict
}

/** Notes that `from` waits for a reply. @returns false when too many are due. */
function expectReply(channel: Channel, from: Side, verdict: Verdict): boolean {
  if (from === 'target') {
    channel.owedToTarget++
    return true
  }
  const program = verdict.kind === 'pass' && verdict.program !== undefined
  channel.unanswered.push(program ? 'program' : 'other')
  return channel.unanswered.length <= UNANSWERED_LIMIT
}

/** A reply of the user: passes when the target waits for one (T06). */
function owed(channel: Channel): RelayAction {
  if (channel.owedToTarget === 0) return DROP
  channel.owedToTarget--
  return FORWARD
}
