/**
 * Data of channels. Whatever is data is told before it is forwarded, and never told when it is not (T60): of programs
 * always, of forwardings where the permit says so, of agents and X11 never, since keys and other windows are in it.
 */
import type { StreamName } from '#lib/recording/session-event'
import { MESSAGE } from '#lib/ssh/message-numbers'
import type { Channel, ChannelTable } from './channel-table.ts'
import { spendWindow } from './channel-table.ts'
import type { Grants } from './grants.ts'
import { channelData, channelEof, DATA_HEADER, EXTENDED_DATA_HEADER } from './messages.ts'
import { breach, DROP, FORWARD, type Outgoing, type RelayAction } from './relay-action.ts'
import { type RelayWatch, tellRefused } from './relay-watch.ts'
import type { RefusalReason } from './request-rules.ts'
import { otherSide, type Side } from './side.ts'

/** Forwarded streams, which a recording may hold. */
const STREAM = /^(?:direct|forwarded)-/

export class ChannelData {
  readonly #channels: ChannelTable
  readonly #grants: Grants
  readonly #watch: RelayWatch

  constructor(channels: ChannelTable, grants: Grants, watch: RelayWatch) {
    this.#channels = channels
    this.#grants = grants
    this.#watch = watch
  }

  /** Takes CHANNEL_DATA or CHANNEL_EXTENDED_DATA. */
  take(from: Side, payload: Buffer): RelayAction {
    const extended = payload[0] === MESSAGE.channelExtendedData
    const header = extended ? EXTENDED_DATA_HEADER : DATA_HEADER
    if (payload.length < header) return breach('malformed_message')
    const size = payload.readUInt32BE(header - 4)
    if (payload.length !== header + size) return breach('malformed_message')
    const channel = this.#channels.find(from, payload.readUInt32BE(1))
    if (channel === undefined) return breach('unknown_channel')
    // RFC 4254 section 5.2 defines no extended data that a client could send, nor any for forwardings.
    if (extended && (from === 'user' || channel.kind !== 'session')) {
      return breach('unexpected_message')
    }
    if (!spendWindow(channel, from, size)) return breach('window_exceeded')
    if (channel.isCut) return DROP
    return this.#pass(channel, from, payload.subarray(header), extended)
  }

  #pass(channel: Channel, from: Side, bytes: Buffer, extended: boolean): RelayAction {
    if (channel.kind === 'session') return this.#ofProgram(channel, from, bytes, extended)
    const refused =
      channel.nested?.completes(from, bytes) === true && this.#isNestedRefused(channel)
    if (refused) return this.#cut(channel, 'ssh', 'nested_ssh')
    this.#tell(channel, from, bytes, extended)
    return FORWARD
  }

  #isNestedRefused(channel: Channel): boolean {
    if (!this.#grants.opaqueNested) return true
    this.#watch.event({ type: 'nested_opaque', channel: channel.index })
    channel.nested = undefined
    return false
  }

  #ofProgram(channel: Channel, from: Side, bytes: Buffer, extended: boolean): RelayAction {
    // A server may keep what comes before its program for that program, whichever that will be.
    const isEarly = from === 'user' && channel.program === undefined
    if (isEarly && this.#grants.sftpRules.length > 0) return DROP
    const passed = extended ? undefined : channel.sftp?.feed(from, bytes)
    if (passed === 'unreadable') return this.#cut(channel, 'sftp', 'sftp_unreadable')
    if (passed === undefined) {
      this.#tell(channel, from, bytes, extended)
      return FORWARD
    }
    if (passed.length === 0) return DROP
    this.#tell(channel, from, passed, extended)
    return { kind: 'send', messages: dataMessages(channel, otherSide(from), passed) }
  }

  #tell(channel: Channel, from: Side, bytes: Buffer, extended: boolean): void {
    channel.passed[from] += bytes.length
    const isTold =
      channel.kind === 'session' || (STREAM.test(channel.kind) && this.#grants.recordForwards)
    if (isTold) this.#watch.data(channel.index, streamName(from, extended), bytes)
    else this.#watch.unrecorded(from, bytes.length)
  }

  /** Each side is told that the other sends no more: it then closes, and the numbers stay theirs to give. */
  #cut(channel: Channel, what: string, reason: RefusalReason): RelayAction {
    tellRefused(this.#watch, { channel: channel.index, what, reason })
    channel.isCut = true
    const ends = (['user', 'target'] as const).filter((from) => !channel.eof[from])
    const messages = ends.map((from) => {
      const to = otherSide(from)
      return { to, payload: channelEof(channel[to]) }
    })
    return { kind: 'send', messages }
  }
}

/** Data for one side, in messages that it takes. */
function dataMessages(channel: Channel, to: Side, bytes: Buffer): Outgoing[] {
  const most = Math.max(1, channel.packet[to])
  const count = Math.ceil(bytes.length / most)
  return Array.from({ length: count }, (_, at) => {
    const part = bytes.subarray(at * most, (at + 1) * most)
    return { to, payload: channelData(channel[to], part) }
  })
}

function streamName(from: Side, extended: boolean): StreamName {
  if (from === 'user') return 'input'
  return extended ? 'stderr' : 'output'
}
