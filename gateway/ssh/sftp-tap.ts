/**
 * Follows an SFTP session beside the relay and tells which files were opened, read, written, moved and removed, with
 * the status of the target's answer. It sees copies of nothing it could change: whatever is wrong in the stream stops
 * the tap with an event, and never the relay. Paths are the user's words: they are told, not resolved.
 */
import type { SessionEvent } from '#lib/recording/session-event'
import { SftpFramer, type SftpHead } from './sftp-framer.ts'
import {
  readSftpReply,
  readSftpRequest,
  replyHeadLimit,
  requestHeadLimit,
  SFTP,
  type SftpReply,
  type SftpRequest,
} from './sftp-messages.ts'
import type { Side } from './side.ts'

type SftpEvent = SessionEvent & { readonly type: 'sftp' }
type Ask = SftpRequest['ask']
type OpenFile = { readonly path: string; readBytes: number; wroteBytes: number }

/** Requests in flight and open handles; sftp of OpenSSH has 64 requests in flight, its server about 1000 handles. */
const TRACKED_LIMIT = 4096
const VERSION = 3
const STATUS_OK = 0

export class SftpTap {
  readonly #channel: number
  readonly #emit: (event: SessionEvent) => void
  readonly #framers: Record<Side, SftpFramer>
  readonly #asked = new Map<number, Ask>()
  readonly #files = new Map<string, OpenFile>()
  #stopped = false

  constructor(channel: number, emit: (event: SessionEvent) => void) {
    this.#channel = channel
    this.#emit = emit
    this.#framers = {
      user: new SftpFramer(requestHeadLimit, (packet) => this.#request(packet)),
      target: new SftpFramer(replyHeadLimit, (packet) => this.#reply(packet)),
    }
  }

  /** Takes the next octets that `from` sent, in any split; they are not kept. Never throws. */
  feed(from: Side, bytes: Buffer): void {
    if (this.#stopped) return
    if (!this.#framers[from].feed(bytes)) this.#stop('malformed')
  }

  /** The channel is gone: files that were not closed are told with what was read and written. */
  end(): void {
    if (this.#stopped) return
    for (const file of this.#files.values()) this.#tell('close', file)
    this.#stopped = true
  }

  #request(packet: SftpHead): void {
    if (this.#stopped || packet.type === SFTP.init) return
    const request = readSftpRequest(packet)
    const objection = this.#objectionTo(request)
    if (request === undefined || objection !== undefined) this.#stop(objection ?? 'malformed')
    else this.#asked.set(request.id, request.ask)
  }

  #objectionTo(request: SftpRequest | undefined): SftpStopReason | undefined {
    if (request === undefined) return 'malformed'
    // Two requests under one id cannot be told apart in the answers.
    if (this.#asked.has(request.id)) return 'duplicate_request_id'
    return this.#asked.size >= TRACKED_LIMIT ? 'too_many_requests' : undefined
  }

  #reply(packet: SftpHead): void {
    if (this.#stopped) return
    const reply = readSftpReply(packet)
    if (reply === undefined) this.#stop('malformed')
    else if (reply.kind !== 'version') this.#match(reply)
    else if (reply.version !== VERSION) this.#stop('unknown_version')
  }

  #match(reply: SftpReply & { readonly id: number }): void {
    const ask = this.#asked.get(reply.id)
    this.#asked.delete(reply.id)
    if (ask !== undefined) this.#answered(ask, reply)
  }

  #answered(ask: Ask, reply: SftpReply): void {
    switch (ask.kind) {
      case 'open':
        this.#opened(ask, reply)
        break
      case 'close':
        this.#closed(ask.handle, reply)
        break
      case 'read':
        this.#read(ask.handle, reply)
        break
      case 'write':
        this.#wrote(ask, reply)
        break
      case 'change':
        this.#tell(ask.operation, ask, statusOf(reply))
        break
      case 'change_by_handle':
        this.#changedByHandle(ask, reply)
        break
      case 'look':
        break
    }
  }

  #opened(ask: Ask & { readonly kind: 'open' }, reply: SftpReply): void {
    this.#tell(ask.operation, { path: ask.path }, statusOf(reply))
    if (reply.kind !== 'handle' || ask.operation !== 'open') return
    if (this.#files.size >= TRACKED_LIMIT) this.#stop('too_many_handles')
    else this.#files.set(reply.handle, { path: ask.path, readBytes: 0, wroteBytes: 0 })
  }

  #closed(handle: string, reply: SftpReply): void {
    const file = this.#files.get(handle)
    if (file === undefined) return
    this.#files.delete(handle)
    this.#tell('close', file, statusOf(reply))
  }

  #read(handle: string, reply: SftpReply): void {
    const file = this.#files.get(handle)
    if (file !== undefined && reply.kind === 'data') file.readBytes += reply.octets
  }

  #wrote(ask: Ask & { readonly kind: 'write' }, reply: SftpReply): void {
    const file = this.#files.get(ask.handle)
    if (file !== undefined && statusOf(reply) === STATUS_OK) file.wroteBytes += ask.octets
  }

  #changedByHandle(ask: Ask & { readonly kind: 'change_by_handle' }, reply: SftpReply): void {
    const path = this.#files.get(ask.handle)?.path ?? ''
    const to = ask.toHandle === undefined ? undefined : this.#files.get(ask.toHandle)?.path
    this.#tell(
      ask.operation,
      { path, ...(to === undefined ? {} : { toPath: to }) },
      statusOf(reply),
    )
  }

  #tell(
    operation: string,
    about: Pick<SftpEvent, 'path' | 'toPath' | 'readBytes' | 'wroteBytes'>,
    status?: number,
  ): void {
    const { path, toPath, readBytes, wroteBytes } = about
    this.#emit({
      type: 'sftp',
      channel: this.#channel,
      operation,
      path,
      ...(toPath === undefined ? {} : { toPath }),
      ...(status === undefined ? {} : { status }),
      ...(readBytes === undefined ? {} : { readBytes }),
      ...(wroteBytes === undefined ? {} : { wroteBytes }),
    })
  }

  #stop(reason: SftpStopReason): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#asked.clear()
    this.#files.clear()
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

/** SSH_FX_* code; a handle, data or names are success. */
function statusOf(reply: SftpReply): number {
  return reply.kind === 'status' ? reply.status : STATUS_OK
}
