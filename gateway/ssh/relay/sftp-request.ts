/**
 * SFTP version 3 requests as far as the record needs them (draft-ietf-secsh-filexfer-02 section 6; extensions: OpenSSH
 * PROTOCOL section 4). The heads may be cut, so a string can be longer than what is here of it.
 */
import { SshReader } from '#lib/ssh/reader'
import { SftpFields } from './sftp-fields.ts'
import type { SftpHead } from './sftp-framer.ts'
import { HANDLE_LIMIT, SFTP } from './sftp-message-numbers.ts'

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

/** A handle with its length, an offset and a count; a request id before it. */
const HANDLE_HEAD = 4 + 4 + HANDLE_LIMIT + 8 + 4
const ALL = Number.POSITIVE_INFINITY

/** How much of a request is needed: all of it where it has paths, never the data of a WRITE. */
export function requestHeadLimit(type: number): number {
  return type === SFTP.write || type === SFTP.read || type === SFTP.close ? HANDLE_HEAD : ALL
}

/** Whether a request is longer than two paths and fields between them can be. */
export function isCutShort({ type, head, size }: SftpHead): boolean {
  return size > head.length && requestHeadLimit(type) === ALL
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
  const fields = new SftpFields(reader, packet.size > packet.head.length)
  const ask = packet.type === SFTP.init ? LOOK : readAsk(packet.type, fields)
  return fields.failed ? undefined : { id, ask }
}

const LOOK: SftpAsk = { kind: 'look' }

function readAsk(type: number, fields: SftpFields): SftpAsk {
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

function readByPath(type: number, fields: SftpFields): SftpAsk {
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
function readOpen(fields: SftpFields): SftpAsk {
  const path = fields.text()
  return { kind: 'open', operation: 'open', path, writes: fields.uint32() !== 1 }
}

function readWrite(fields: SftpFields): SftpAsk {
  const handle = fields.handle()
  fields.offset()
  return { kind: 'write', handle, octets: fields.uint32() }
}

function readExtended(fields: SftpFields): SftpAsk {
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

function readCopy(fields: SftpFields): SftpAsk {
  const handle = fields.handle()
  fields.offset()
  fields.offset() // length
  return { kind: 'change_by_handle', operation: 'copy-data', handle, toHandle: fields.handle() }
}
