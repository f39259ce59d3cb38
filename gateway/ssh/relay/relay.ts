/**
 * The relay between the user's SSH connection and the target's (RFC 4254). Pure: messages in, one action out, what
 * happened told to `RelayWatch`. Both sides are authenticated; channel numbers and windows stay theirs, so a message
 * is forwarded as it came, renamed so that the receiver refuses it in its turn, answered here, or dropped.
 */
import { MESSAGE } from '#lib/ssh/message-numbers'
import { AskedForwards } from './asked-forwards.ts'
import { type Channel, ChannelTable, grantWindow } from './channel-table.ts'
import type { Grants } from './grants.ts'
import { uint32At } from './messages.ts'
import { OwnEnds } from './own-ends.ts'
import { breach, DROP, FORWARD, type RelayAction } from './relay-action.ts'
import { ChannelData } from './relay-channel-data.ts'
import { GlobalRequests } from './relay-globals.ts'
import { ChannelOpenings } from './relay-openings.ts'
import { ChannelRequests } from './relay-requests.ts'
import type { RelayWatch } from './relay-watch.ts'
import type { Side } from './side.ts'

export class SshRelay {
  /** Channels that end here. */
  readonly ownEnds = new OwnEnds()
  readonly #channels = new ChannelTable()
  readonly #watch: RelayWatch
  readonly #data: ChannelData
  readonly #openings: ChannelOpenings
  readonly #requests: ChannelRequests
  readonly #globals: GlobalRequests
  #isOver = false

  constructor(grants: Grants, watch: RelayWatch) {
    const asked = new AskedForwards()
    this.#watch = watch
    this.#data = new ChannelData(this.#channels, grants, watch)
    this.#openings = new ChannelOpenings(this.#channels, grants, asked, watch)
    this.#requests = new ChannelRequests(this.#channels, grants, asked, watch)
    this.#globals = new GlobalRequests(grants, asked, watch)
  }

  /**
   * Takes one message (`payload` begins with its type). Never throws, whatever the octets; keeps none of them.
   * What makes the watch end the session is not forwarded any more.
   */
  take(from: Side, payload: Buffer): RelayAction {
    const action = this.ownEnds.take(from, payload) ?? this.#judge(from, payload)
    return this.#isOver ? DROP : action
  }

  /** Takes CHANNEL_OPEN of which no way to another target is made. */
  openPlain(from: Side, payload: Buffer): RelayAction {
    return this.#openings.plain(from, payload)
  }

  /** For events of a channel that ends here. */
  nextIndex(): number {
    return this.#channels.nextIndex()
  }

  #judge(from: Side, payload: Buffer): RelayAction {
    switch (payload[0]) {
      case MESSAGE.channelData:
      case MESSAGE.channelExtendedData:
        return this.#data.take(from, payload)
      case MESSAGE.channelWindowAdjust:
        return this.#windowAdjust(from, payload)
      case MESSAGE.channelRequest:
        return this.#requests.request(from, payload)
      case MESSAGE.channelSuccess:
      case MESSAGE.channelFailure:
        return this.#requests.reply(from, payload, payload[0] === MESSAGE.channelSuccess)
      case MESSAGE.channelEof:
      case MESSAGE.channelClose:
        return this.#ending(from, payload)
      default:
        return this.#other(from, payload)
    }
  }

  /** The connections are gone: tells the watch what stayed open. */
  end(): void {
    this.#isOver = true
    for (const channel of this.#channels.all()) this.#closed(channel)
  }

  #other(from: Side, payload: Buffer): RelayAction {
    const type = payload[0] ?? 0
    switch (type) {
      case MESSAGE.channelOpen:
        return this.#openings.open(from, payload)
      case MESSAGE.channelOpenConfirmation:
        return this.#openings.confirm(from, payload)
      case MESSAGE.channelOpenFailure:
        return this.#openings.fail(from, payload)
      case MESSAGE.globalRequest:
        return this.#globals.request(from, payload)
      case MESSAGE.requestSuccess:
      case MESSAGE.requestFailure:
        return this.#globals.reply(from, payload, type === MESSAGE.requestSuccess)
      default:
        // RFC 4252 section 5.1: authentication messages after success are ignored in silence.
        return type >= 50 && type < MESSAGE.globalRequest ? DROP : breach('unexpected_message')
    }
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
    if (payload[0] === MESSAGE.channelEof) return this.#eof(from, channel)
    if (this.#channels.close(from, channel)) this.#closed(channel)
    return FORWARD
  }

  #eof(from: Side, channel: Channel): RelayAction {
    this.#watch.event({ type: 'eof', channel: channel.index, from })
    channel.eof[from] = true
    return channel.isCut ? DROP : FORWARD
  }

  #closed({ index, kind, sftp, passed }: Channel): void {
    sftp?.end()
    if (kind !== 'session') {
      const [fromUserBytes, fromTargetBytes] = [passed.user, passed.target]
      this.#watch.event({ type: 'forward_closed', channel: index, fromUserBytes, fromTargetBytes })
    }
    this.#watch.event({ type: 'channel_closed', channel: index })
  }
}
