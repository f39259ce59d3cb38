/**
 * SFTP version 3 replies as far as the record needs them (draft-ietf-secsh-filexfer-02 sections 4 and 7). The heads may
 * be cut, so a string can be longer than what is here of it.
 */
import { SshReader } from '#lib/ssh/reader'
import type { SftpHead } from './sftp-framer.ts'
import { HANDLE_LIMIT, SFTP } from './sftp-message-numbers.ts'

/** What the target answered. */
export type SftpReply =
  | { readonly kind: 'version'; readonly version: number }
  | { readonly kind: 'status'; readonly id: number; readonly status: number }
  | { readonly kind: 'handle'; readonly id: number; readonly handle: string }
  | { readonly kind: 'data'; readonly id: number; readonly octets: number }
  /** The first name; the empty text when it is none, or longer than a path. */
  | { readonly kind: 'name'; readonly id: number; readonly path: string }
  | { readonly kind: 'other'; readonly id: number }

/** Longest path of common systems (PATH_MAX). */
const PATH_LIMIT = 4096

/** How much of a reply is needed: the first name of several, no attributes. */
export function replyHeadLimit(type: number): number {
  if (type === SFTP.name) return 4 + 4 + 4 + PATH_LIMIT
  return type === SFTP.handle ? 4 + 4 + HANDLE_LIMIT : 8
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
