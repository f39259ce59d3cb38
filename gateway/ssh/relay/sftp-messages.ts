/**
 * SFTP version 3 messages as far as the record needs them (draft-ietf-secsh-filexfer-02 sections 4 to 7; extensions:
 * OpenSSH PROTOCOL section 4). The heads may be cut, so a string can be longer than what is here of it.
 */
import { SshReader } from '#lib/ssh/reader'
import type { SftpHead } from './sftp-framer.ts'

/** Message types used here. */
export const SFTP = {
  init: 1,
  version: 2,
  open: 3,
  close: 4,
  read: 5,
  write: 6,
  opendir: 11,
  realpath: 16,
  rename: 18,
  symlink: 20,
  status: 101,
  handle: 102,
  data: 103,
  name: 104,
  extended: 200,
} as const

/** What the user asked for, by request id. */
export type SftpRequest = {
  readonly id: number
  readonly ask: SftpAsk
}

export type SftpAsk =
  | {
      readonly kind: 'open'
      readonly operation: string
      readonly path: string
      /** More than reading was asked for. */
      readonly writes: boolean
    }
  | { readonly kind: 'close' | 'read'; readonly handle: string }
  | { readonly kind: 'write'; readonly handle: string; readonly octets: number }
  | {
      readonly kind: 'change'
      readonly operation: string
      readonly path: string
      readonly toPath?: string
    }
  | {
      readonly kind: 'change_by_handle'
      readonly operation: string
      readonly handle: string
      readonly toHandle?: string
    }
  /** Changes nothing, or its reply says nothing new: not recorded. */
  | { readonly kind: 'look'; readonly path?: string }
  | { readonly kind: 'realpath'; readonly path: string }
  /** Unknown to us, perhaps not to the target. */
  | { readonly kind: 'unknown'; readonly operation: string }

/** What the target answered. */
export type SftpReply =
  | { readonly kind: 'version'; readonly version: number }
  | { readonly kind: 'status'; readonly id: number; readonly status: number }
  | { readonly kind: 'handle'; readonly id: number; readonly handle: string }
  | { readonly kind: 'data'; readonly id: number; readonly octets: number }
  /** The first name; the empty text when it is none, or longer than a path. */
  | { readonly kind: 'name'; readonly id: number; readonly path: string }
  | { readonly kind: 'other'; readonly id: number }

/** Longest handle (section 6.2). */
const HANDLE_LIMIT = 256
/** A handle with its length, an offset and a count; a request id before it. */
const HANDLE_HEAD = 4 + 4 + HANDLE_LIMIT + 8 + 4
const ALL = Number.POSITIVE_INFINITY

/** How much of a request is needed: all of it where it has paths, never the data of a WRITE. */
export function requestHeadLimit(type: number): number {
  return type === SFTP.write || type === SFTP.read || type === SFTP.close ? HANDLE_HEAD : ALL
}

/** Longest path of common systems (PATH_MAX). */
const PATH_LIMIT = 4096

/** Whether a request is longer than two paths and fields between them can be. */
export function isCutShort({ type, head, size }: SftpHead): boolean {
  return size > head.length && requestHeadLimit(type) === ALL
}

/** How much of a reply is needed: the first name of several, no attributes. */
export function replyHeadLimit(type: number): number {
  if (type === SFTP.name) return 4 + 4 + 4 + PATH_LIMIT
  return type === SFTP.handle ? 4 + 4 + HANDLE_LIMIT : 8
}

const BY_PATH: ReadonlyMap<number, string> = new Map([
  [9, 'setstat'],
  [13, 'remove'],
  [14, 'mkdir'],
  [15, 'rmdir'],
  [SFTP.rename, 'rename'],
  [SFTP.symlink, 'symlink'],
])

/** Requests that only look, by path. */
const LOOKS_AT_PATH = new Set([7 /* LSTAT */, 17 /* STAT */, 19 /* READLINK */])
/** Requests that only look, by handle: FSTAT, READDIR. */
const LOOKS_AT_HANDLE = new Set([8, 12])

const EXTENSIONS_WITH_TWO_PATHS = new Set(['posix-rename@openssh.com', 'hardlink@openssh.com'])
/** Extensions that only look, and not at a path that is named. */
const LOOKING_EXTENSIONS = new Set([
  'fstatvfs@openssh.com',
  'limits@openssh.com',
  'expand-path@openssh.com',
  'home-directory',
  'users-groups-by-id@openssh.com',
  'fsync@openssh.com',
])

/** Reads a request. @returns undefined when it is malformed. INIT is a `look` without id. */
export function readSftpRequest(packet: SftpHead): SftpRequest | undefined {
  const reader = new SshReader(packet.head)
  const id = reader.uint32()
  const fields = new Fields(reader, packet.size > packet.head.length)
  const ask = packet.type === SFTP.init ? LOOK : readAsk(packet.type, fields)
  return fields.failed ? undefined : { id, ask }
}

const LOOK: SftpAsk = { kind: 'look' }

function readAsk(type: number, fields: Fields): SftpAsk {
  switch (type) {
    case SFTP.open:
      return readOpen(fields)
    case SFTP.opendir:
      return { kind: 'open', operation: 'opendir', path: fields.text(), writes: false }
    case SFTP.realpath:
      return { kind: 'realpath', path: fields.text() }
    case SFTP.close:
      return { kind: 'close', handle: fields.handle() }
    case SFTP.read:
      return { kind: 'read', handle: fields.handle() }
    case SFTP.write:
      return readWrite(fields)
    case 10:
      return { kind: 'change_by_handle', operation: 'fsetstat', handle: fields.handle() }
    case SFTP.extended:
      return readExtended(fields)
    default:
      return readByPath(type, fields)
  }
}

function readByPath(type: number, fields: Fields): SftpAsk {
  if (LOOKS_AT_HANDLE.has(type)) return LOOK
  if (LOOKS_AT_PATH.has(type)) return { kind: 'look', path: fields.text() }
  const operation = BY_PATH.get(type)
  if (operation === undefined) return { kind: 'unknown', operation: `type ${type}` }
  const path = fields.text()
  const two = type === SFTP.rename || type === SFTP.symlink
  return two
    ? { kind: 'change', operation, path, toPath: fields.text() }
    : { kind: 'change', operation, path }
}

/** Of the flags, SSH_FXF_READ (1) alone changes nothing (section 6.3). */
function readOpen(fields: Fields): SftpAsk {
  const path = fields.text()
  return { kind: 'open', operation: 'open', path, writes: fields.uint32() !== 1 }
}

function readWrite(fields: Fields): SftpAsk {
  const handle = fields.handle()
  fields.offset()
  return { kind: 'write', handle, octets: fields.uint32() }
}

function readExtended(fields: Fields): SftpAsk {
  const operation = fields.text()
  if (LOOKING_EXTENSIONS.has(operation)) return LOOK
  if (operation === 'statvfs@openssh.com') return { kind: 'look', path: fields.text() }
  if (EXTENSIONS_WITH_TWO_PATHS.has(operation)) {
    return { kind: 'change', operation, path: fields.text(), toPath: fields.text() }
  }
  if (operation === 'lsetstat@openssh.com') {
    return { kind: 'change', operation, path: fields.text() }
  }
  if (operation === 'copy-data') return readCopy(fields)
  return { kind: 'unknown', operation }
}

function readCopy(fields: Fields): SftpAsk {
  const handle = fields.handle()
  fields.offset()
  fields.offset() // length
  return { kind: 'change_by_handle', operation: 'copy-data', handle, toHandle: fields.handle() }
}

/** Reads a reply. @returns undefined when it is malformed. */
export function readSftpReply(packet: SftpHead): SftpReply | undefined {
  const reader = new SshReader(packet.head)
  const id = reader.uint32()
  const reply = replyOf(packet.type, id, reader)
  return reader.failed ? undefined : reply
}

function replyOf(type: number, id: number, reader: SshReader): SftpReply {
  switch (type) {
    case SFTP.version:
      return { kind: 'version', version: id }
    case SFTP.status:
      return { kind: 'status', id, status: reader.uint32() }
    case SFTP.handle:
      return { kind: 'handle', id, handle: reader.string().toString('latin1') }
    case SFTP.data:
      return { kind: 'data', id, octets: reader.uint32() }
    case SFTP.name:
      return { kind: 'name', id, path: firstName(reader) }
    default:
      return { kind: 'other', id }
  }
}

/** @param reader behind the id. */
function firstName(reader: SshReader): string {
  const names = new SshReader(reader.rest)
  const count = names.uint32()
  const path = names.string().toString('utf8')
  return count === 0 || names.failed ? '' : path
}

/** Fields of a request whose end may have been cut off: a cut string is what is here of it. */
class Fields {
  readonly #reader: SshReader
  readonly #cut: boolean
  #ended = false

  constructor(reader: SshReader, cut: boolean) {
    this.#reader = reader
    this.#cut = cut
  }

  /** A field was missing in a packet that is here whole. */
  get failed(): boolean {
    return this.#reader.failed
  }

  text(): string {
    return this.#string().toString('utf8')
  }

  /** Handles are octets; latin1 keeps them apart. */
  handle(): string {
    return this.#string().toString('latin1')
  }

  uint32(): number {
    return this.#has(4) ? this.#reader.uint32() : 0
  }

  offset(): void {
    if (this.#has(8)) this.#reader.uint64()
  }

  #string(): Buffer {
    if (!this.#has(4)) return Buffer.alloc(0)
    const length = this.#reader.uint32()
    if (this.#has(length)) return this.#reader.bytes(length)
    return this.#reader.bytes(this.#reader.rest.length)
  }

  /** False once the cut was reached: all later fields are empty. A packet that is whole fails in the reader instead. */
  #has(octets: number): boolean {
    if (!this.#cut) return true
    this.#ended ||= this.#reader.rest.length < octets
    return !this.#ended
  }
}
