/**
 * Tells which files were opened, read, written, moved and removed in an SFTP session, with the status of the target's
 * answer. Paths are the user's words: they are told, not resolved.
 */
import type { SessionEvent } from '#lib/recording/session-event'
import type { SftpReply } from './sftp-reply.ts'
import type { SftpAsk } from './sftp-request.ts'

type SftpEvent = SessionEvent & { readonly type: 'sftp' }
type OpenFile = { readonly path: string; readBytes: number; wroteBytes: number }

const STATUS_OK = 0

export class SftpFiles {
  readonly #channel: number
  readonly #emit: (event: SessionEvent) => void
  readonly #files = new Map<string, OpenFile>()
  #pathOctets = 0

  constructor(channel: number, emit: (event: SessionEvent) => void) {
    this.#channel = channel
    this.#emit = emit
  }

  /** How many are open. */
  get count(): number {
    return this.#files.size
  }

  /** Of their paths, about: what is not UTF-8 counts once. */
  get pathOctets(): number {
    return this.#pathOctets
  }

  /** The session is gone: files that were not closed are told with what was read and written. */
  end(): void {
    for (const file of this.#files.values()) this.#tell('close', file)
    this.#files.clear()
  }

  answered(ask: SftpAsk, reply: SftpReply): void {
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
      case 'unknown':
        this.#tell(ask.operation, { path: '' }, statusOf(reply))
        break
      case 'look':
      case 'realpath':
        break
    }
  }
  #opened(ask: SftpAsk & { readonly kind: 'open' }, reply: SftpReply): void {
    this.#tell(ask.operation, { path: ask.path }, statusOf(reply))
    if (reply.kind !== 'handle' || ask.operation !== 'open') return
    this.#forget(reply.handle)
    this.#pathOctets += ask.path.length
    this.#files.set(reply.handle, { path: ask.path, readBytes: 0, wroteBytes: 0 })
  }

  #closed(handle: string, reply: SftpReply): void {
    const file = this.#files.get(handle)
    if (file === undefined) return
    this.#forget(handle)
    this.#tell('close', file, statusOf(reply))
  }

  #forget(handle: string): void {
    this.#pathOctets -= this.#files.get(handle)?.path.length ?? 0
    this.#files.delete(handle)
  }

  #read(handle: string, reply: SftpReply): void {
    const file = this.#files.get(handle)
    if (file !== undefined && reply.kind === 'data') file.readBytes += reply.octets
  }

  #wrote(ask: SftpAsk & { readonly kind: 'write' }, reply: SftpReply): void {
    const file = this.#files.get(ask.handle)
    if (file !== undefined && statusOf(reply) === STATUS_OK) file.wroteBytes += ask.octets
  }

  #changedByHandle(ask: SftpAsk & { readonly kind: 'change_by_handle' }, reply: SftpReply): void {
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
}

/** SSH_FX_* code; a handle, data or names are success. */
function statusOf(reply: SftpReply): number {
  return reply.kind === 'status' ? reply.status : STATUS_OK
}
