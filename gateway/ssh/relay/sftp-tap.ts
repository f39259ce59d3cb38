/**
 * Follows an SFTP session: tells what is done with files, and holds its requests to the rules of the permit.
 *
 * A refused request goes on as an extension that no server knows, under its id and as long as it was: the target then
 * answers it in its place among the answers, and the code of that answer becomes SSH_FX_PERMISSION_DENIED.
 * Without rules the stream passes as it came, and whatever is wrong in it stops the tap with an event, and never the
 * session. Under rules what cannot be followed does not pass.
 */
import type { SessionEvent } from '#lib/recording/session-event'
import { writeString, writeUint32 } from '#lib/ssh/writer'
import type { SftpRules } from '../../policy/ssh-grant.ts'
import { tellRefused } from './relay-watch.ts'
import { SftpFiles } from './sftp-files.ts'
import { type Replacement, SftpFramer, type SftpHead } from './sftp-framer.ts'
import { SftpJudge, type SftpObjection } from './sftp-judge.ts'
import { SFTP } from './sftp-message-numbers.ts'
import { readSftpReply, replyHeadLimit, type SftpReply } from './sftp-reply.ts'
import {
  isCutShort,
  readSftpRequest,
  requestHeadLimit,
  type SftpAsk,
  type SftpRequest,
} from './sftp-request.ts'
import type { Side } from './side.ts'

/** Requests in flight and open handles; sftp of OpenSSH has 64 requests in flight, its server about 1000 handles. */
const TRACKED_LIMIT = 4096
/** Octets of those requests, and of paths of open files: 256 each. */
const TRACKED_OCTETS = TRACKED_LIMIT * 256
const VERSION = 3
const PERMISSION_DENIED = 3
/** An extension that no server knows: answered SSH_FX_OP_UNSUPPORTED (draft section 8). */
const UNKNOWN_EXTENSION = 'denied@zt'
/** Octets of an id and a string without content. */
const LEAST_REQUEST = 8

export class SftpTap {
  readonly #channel: number
  readonly #emit: (event: SessionEvent) => void
  readonly #framers: Record<Side, SftpFramer>
  readonly #asked = new Map<
    number,
    { readonly ask: SftpAsk | 'refused'; readonly octets: number }
  >()
  #askedOctets = 0
  readonly #files: SftpFiles
  readonly #judge: SftpJudge
  readonly #onAsk: (paths: readonly string[]) => void
  #stopped = false

  /** @param onAsk told which files a request that passes is about to open or change. */
  constructor(
    channel: number,
    emit: (event: SessionEvent) => void,
    rules: readonly SftpRules[] = [],
    onAsk: (paths: readonly string[]) => void = () => undefined,
  ) {
    this.#onAsk = onAsk
    this.#channel = channel
    this.#emit = emit
    this.#files = new SftpFiles(channel, emit)
    this.#judge = new SftpJudge(rules)
    this.#framers = {
      user: new SftpFramer(requestHeadLimit, (packet) => this.#request(packet)),
      target: new SftpFramer(replyHeadLimit, (packet) => this.#reply(packet)),
    }
  }

  /**
   * Takes the next octets that `from` sent, in any split; they are not kept. Never throws.
   * @returns what passes in their place: undefined when they pass as they came.
   */
  feed(from: Side, bytes: Buffer): Buffer | 'unreadable' | undefined {
    const out = this.#stopped ? undefined : this.#framers[from].feed(bytes)
    if (out === undefined) this.#stop('malformed')
    if (!this.#judge.hasRules) return undefined
    if (this.#stopped || out === undefined) return 'unreadable'
    return Buffer.concat(out)
  }

  /** The channel is gone. */
  end(): void {
    if (!this.#stopped) this.#files.end()
    this.#stopped = true
  }

  #request(packet: SftpHead): Replacement | undefined {
    if (this.#stopped) return undefined
    if (packet.type === SFTP.init) return this.#begin(packet.head)
    const request = readSftpRequest(packet)
    const octets = packet.head.length
    const wrong = this.#whatIsWrongWith(request, octets)
    if (request === undefined || wrong !== undefined) {
      this.#stop(wrong ?? 'malformed')
      return undefined
    }
    const objection = this.#judge.objectionTo(isCutShort(packet) ? OVERLONG : request.ask)
    this.#asked.set(request.id, { ask: objection === undefined ? request.ask : 'refused', octets })
    this.#askedOctets += octets
    if (objection !== undefined) return this.#refuse(packet, request, objection)
    const touched = this.#judge.touchedBy(request.ask)
    if (touched.length > 0) this.#onAsk(touched)
    return undefined
  }

  /** Requests of later versions mean other things, and may come before the target said which version it speaks. */
  #begin(head: Buffer): Replacement | undefined {
    if (!this.#judge.hasRules) return undefined
    if (head.length < 4) this.#stop('malformed')
    else if (head.readUInt32BE(0) > VERSION) {
      return { type: SFTP.init, head: Buffer.concat([writeUint32(VERSION), head.subarray(4)]) }
    }
    return undefined
  }

  #whatIsWrongWith(request: SftpRequest | undefined, octets: number): SftpStopReason | undefined {
    if (request === undefined) return 'malformed'
    // Two requests under one id cannot be told apart in the answers.
    if (this.#asked.has(request.id)) return 'duplicate_request_id'
    const isTooMuch = this.#askedOctets + octets > TRACKED_OCTETS
    return isTooMuch || this.#asked.size >= TRACKED_LIMIT ? 'too_many_requests' : undefined
  }

  #reply(packet: SftpHead): Replacement | undefined {
    if (this.#stopped) return undefined
    const reply = readSftpReply(packet)
    if (reply === undefined) this.#stop('malformed')
    else if (reply.kind !== 'version') return this.#match(packet, reply)
    else if (reply.version !== VERSION) this.#stop('unknown_version')
    return undefined
  }

  #match(packet: SftpHead, reply: SftpReply & { readonly id: number }): Replacement | undefined {
    const { ask, octets = 0 } = this.#asked.get(reply.id) ?? {}
    this.#asked.delete(reply.id)
    this.#askedOctets -= octets
    if (ask === 'refused') return denied(packet, reply)
    if (ask === undefined) return undefined
    if (ask.kind === 'realpath' && reply.kind === 'name') this.#judge.resolved(ask.path, reply.path)
    this.#files.answered(ask, reply)
    const { count, pathOctets } = this.#files
    if (count > TRACKED_LIMIT || pathOctets > TRACKED_OCTETS) this.#stop('too_many_handles')
    return undefined
  }

  #refuse(
    packet: SftpHead,
    { id, ask }: SftpRequest,
    reason: SftpObjection,
  ): Replacement | undefined {
    const what = `sftp ${'operation' in ask ? ask.operation : ask.kind}`
    const target = 'path' in ask ? ask.path : undefined
    tellRefused({ event: this.#emit }, { channel: this.#channel, what, reason, target })
    if (packet.head.length >= LEAST_REQUEST) return unknownExtension(packet, id)
    this.#stop('malformed')
    return undefined
  }

  #stop(reason: SftpStopReason): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#asked.clear()
    this.#emit({ type: 'sftp_unreadable', channel: this.#channel, reason })
  }
}

/** Why a tap follows its session no further; the bytes are still recorded. */
type SftpStopReason =
  | 'malformed'
  | 'unknown_version'
  | 'duplicate_request_id'
  | 'too_many_requests'
  | 'too_many_handles'

/** A request with paths longer than any system has. */
const OVERLONG: SftpAsk = { kind: 'unknown', operation: 'overlong' }

/** The head of a request to nobody, as long as it was. */
function unknownExtension({ head }: SftpHead, id: number): Replacement {
  const length = head.length - LEAST_REQUEST
  const name = UNKNOWN_EXTENSION.slice(0, length).padEnd(length, '.')
  return { type: SFTP.extended, head: Buffer.concat([writeUint32(id), writeString(name)]) }
}

/** The target's answer to such a request, with the code that says why. */
function denied({ type, head }: SftpHead, reply: SftpReply): Replacement | undefined {
  if (reply.kind !== 'status') return undefined
  return { type, head: Buffer.concat([head.subarray(0, 4), writeUint32(PERMISSION_DENIED)]) }
}
