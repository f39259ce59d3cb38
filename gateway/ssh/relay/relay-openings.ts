/** How channels are opened and refused (RFC 4254 section 5.1), by either side. */

import type { AskedForwards } from './asked-forwards.ts'
import type { Channel, ChannelTable, Opening } from './channel-table.ts'
import { printForwardTarget, readForwardTarget } from './forward-target.ts'
import type { Grants } from './grants.ts'
import {
  OPEN_FAILURE,
  openFailure,
  readChannelOpen,
  readOpenConfirmation,
  uint32At,
} from './messages.ts'
import { judgeChannelOpen } from './policy-verbs.ts'
import { breach, DROP, FORWARD, type RelayAction, send } from './relay-action.ts'
import { type RelayWatch, tellRefused } from './relay-watch.ts'
import type { RefusalReason } from './request-rules.ts'
import { otherSide, type Side } from './side.ts'

export class ChannelOpenings {
  readonly #channels: ChannelTable
  readonly #grants: Grants
  readonly #asked: AskedForwards
  readonly #watch: RelayWatch

  constructor(channels: ChannelTable, grants: Grants, asked: AskedForwards, watch: RelayWatch) {
    this.#channels = channels
    this.#grants = grants
    this.#asked = asked
    this.#watch = watch
  }

  /** Takes CHANNEL_OPEN. */
  open(from: Side, payload: Buffer): RelayAction {
    const open = readChannelOpen(payload)
    if (open === undefined) return breach('malformed_message')
    const target = readForwardTarget(open.kind, open.rest)
    const isWay = from === 'user' && open.kind === 'direct-tcpip' && target?.kind === 'tcp'
    if (!isWay || !this.#grants.allows('jump')) return this.plain(from, payload)
    const { sender, windowBytes, packetBytes, rest: fields } = open
    const peer = { sender, windowBytes, packetBytes }
    return { kind: 'hop', target, peer, fields, isElseGranted: this.#grants.reaches(target) }
  }

  /** Takes CHANNEL_OPEN, whatever it could be else. */
  plain(from: Side, payload: Buffer): RelayAction {
    const open = readChannelOpen(payload)
    if (open === undefined) return breach('malformed_message')
    const { kind, sender, windowBytes, packetBytes, rest } = open
    const opening: Opening = {
      ...{ kind, windowBytes, packetBytes },
      target: readForwardTarget(kind, rest),
    }
    const objection = judgeChannelOpen(from, opening, this.#grants, this.#asked)
    if (objection !== undefined) return this.#refuse(from, sender, opening, objection)
    if (this.#channels.full) return this.#refuse(from, sender, opening, 'too_many_channels')
    if (!this.#channels.begin(from, sender, opening)) return breach('channel_reuse')
    if (from === 'user' && opening.target)
      this.#watch.asking({ kind: 'forward', target: opening.target })
    return FORWARD
  }

  /** Takes CHANNEL_OPEN_CONFIRMATION. */
  confirm(from: Side, payload: Buffer): RelayAction {
    const confirmation = readOpenConfirmation(payload)
    if (confirmation === undefined) return breach('malformed_message')
    const made = this.#channels.confirm(otherSide(from), confirmation.recipient, confirmation)
    if (made === 'reused') return breach('channel_reuse')
    if (made === 'unasked') return DROP
    this.#tellOpened(made.channel, made.opening)
    return FORWARD
  }

  /** Takes CHANNEL_OPEN_FAILURE. */
  fail(from: Side, payload: Buffer): RelayAction {
    const recipient = uint32At(payload, 1)
    if (recipient === undefined) return breach('malformed_message')
    return this.#channels.refuse(otherSide(from), recipient) ? FORWARD : DROP
  }

  #refuse(
    from: Side,
    sender: number,
    { kind, target }: Opening,
    reason: RefusalReason,
  ): RelayAction {
    const named = target && printForwardTarget(target)
    tellRefused(this.#watch, { what: kind, reason, target: named })
    const { resourceShortage, administrativelyProhibited } = OPEN_FAILURE
    const code = reason === 'too_many_channels' ? resourceShortage : administrativelyProhibited
    return send(from, openFailure(sender, code))
  }

  #tellOpened({ index: channel }: Channel, { kind, target }: Opening): void {
    this.#watch.event({ type: 'channel_opened', channel, kind })
    if (kind === 'session') return
    const named = target === undefined ? {} : { target: printForwardTarget(target) }
    this.#watch.event({ type: 'forward_opened', channel, kind, ...named })
  }
}
