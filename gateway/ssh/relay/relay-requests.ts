/** Requests on channels and their replies (RFC 4254 section 5.4). */
import type { AskedForwards } from './asked-forwards.ts'
import type { Channel, ChannelTable } from './channel-table.ts'
import { markedShell, newNonce } from './command-marks.ts'
import type { Grants } from './grants.ts'
import {
  type Request,
  readChannelRequest,
  renameChannelRequest,
  replaceByExec,
  uint32At,
} from './messages.ts'
import { judgeChannelRequest, type Verdict } from './policy-verbs.ts'
import { breach, DROP, FORWARD, type RelayAction, send } from './relay-action.ts'
import { type RelayWatch, tellRefused } from './relay-watch.ts'
import { SftpTap } from './sftp-tap.ts'
import { otherSide, type Side } from './side.ts'

/** Requests of one channel whose reply is due; real clients have a handful. */
const UNANSWERED_LIMIT = 1024

export class ChannelRequests {
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

  /** Takes CHANNEL_REQUEST. */
  request(from: Side, payload: Buffer): RelayAction {
    const recipient = uint32At(payload, 1)
    const request = recipient === undefined ? undefined : readChannelRequest(payload)
    if (recipient === undefined || request === undefined) return breach('malformed_message')
    const channel = this.#channels.find(from, recipient)
    if (channel === undefined) return breach('unknown_channel')
    const verdict = onlyOneProgram(
      channel,
      judgeChannelRequest(from, request, channel, this.#grants),
      this.#grants.sftpRules.length > 0,
    )
    if (verdict.kind === 'malformed') return breach('malformed_message')
    if (request.wantReply && !expectReply(channel, from, verdict)) {
      return breach('too_many_unanswered')
    }
    if (verdict.kind === 'pass') {
      this.#passed(channel, verdict)
      return this.#marks(channel, verdict)
        ? send(otherSide(from), this.#markedShell(channel, payload, request))
        : FORWARD
    }
    const { reason, target } = verdict
    tellRefused(this.#watch, { channel: channel.index, what: request.name, reason, target })
    return send(otherSide(from), renameChannelRequest(payload, request))
  }

  /** Takes CHANNEL_SUCCESS or CHANNEL_FAILURE. */
  reply(from: Side, payload: Buffer, succeeded: boolean): RelayAction {
    const recipient = uint32At(payload, 1)
    if (recipient === undefined) return breach('malformed_message')
    const channel = this.#channels.find(from, recipient)
    if (channel === undefined) return DROP
    if (from === 'user') return owed(channel)
    const answered = channel.unanswered.shift()
    if (answered === undefined) return DROP
    if (answered === 'program' && !succeeded) {
      // PuTTY asks for the subsystem first and for a command when there is none.
      channel.program = undefined
      channel.sftp = undefined
    }
    return FORWARD
  }

  #passed(channel: Channel, { event, program, forwards }: Verdict & { kind: 'pass' }): void {
    if (event !== undefined) this.#watch.event(event)
    if (event?.type === 'pty') channel.terminal = true
    if (forwards === 'agent') this.#asked.askedForAgent()
    if (forwards === 'x11') this.#asked.askedForX11()
    if (program === undefined) return
    channel.program = program
    if (program !== 'sftp') return
    const tell = this.#watch.event.bind(this.#watch)
    channel.sftp = new SftpTap(channel.index, tell, this.#grants.sftpRules, (paths) =>
      this.#watch.asking({ kind: 'sftp', paths }),
    )
  }

  #marks({ terminal }: Channel, { program }: Verdict & { kind: 'pass' }): boolean {
    return program === 'shell' && terminal && this.#grants.marksCommands
  }

  #markedShell({ index }: Channel, payload: Buffer, request: Request): Buffer {
    const nonce = newNonce()
    this.#watch.event({ type: 'command_marks', channel: index, nonce })
    return replaceByExec(payload, request, markedShell(nonce))
  }
}

/**
 * RFC 4254 section 6.5: one program per channel; a second one would be recorded as what it is not. Under rules SFTP
 * must be the first that octets are for: a server may keep them when it does not start the program they were for.
 */
function onlyOneProgram(channel: Channel, verdict: Verdict, hasSftpRules: boolean): Verdict {
  if (verdict.kind !== 'pass' || verdict.program === undefined) return verdict
  const isLate = hasSftpRules && verdict.program === 'sftp' && channel.passed.user > 0
  const isSecond = channel.program !== undefined || isLate
  return isSecond ? { kind: 'refuse', reason: 'second_program' } : verdict
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
