/**
 * The user behind a local TCP connection, asked of the kernel: one exact sock_diag question where koffi is
 * installed, else one read of /proc/net/tcp* for all connections of an event-loop turn.
 */
import { readFile } from 'node:fs/promises'
import { loadKoffi } from '#lib/koffi-os'
import {
  type Connection,
  ESTABLISHED,
  parseAnswer,
  printQuery,
  type SocketRow,
} from './inet-diag.ts'
import { connectionKey, parseTable } from './proc-net-tcp.ts'

/** Uid of the program's end of a connection, or undefined when it cannot be known: then refuse. */
export type OwnerLookup = (connection: Connection) => Promise<number | undefined>

/** How owners are found, for the log. */
export type OwnerSource = { readonly source: 'sock_diag' | 'proc'; readonly lookup: OwnerLookup }

type Send = (fd: number, data: Buffer, length: number, flags: number) => number
type Receive = (fd: number, data: Buffer, length: number, flags: number) => number
type Libc = { readonly fd: number; readonly send: Send; readonly receive: Receive }

const AF_NETLINK = 16
const SOCK_RAW_CLOEXEC = 3 | 0o2000000
const NETLINK_SOCK_DIAG = 4
const MSG_DONTWAIT = 0x40
/** Two answers of the kernel fit; ours is 88 octets. */
const ANSWER_LIMIT = 512
const TABLES = ['/proc/net/tcp', '/proc/net/tcp6']

/** Prefers sock_diag; falls back where koffi or netlink is missing. */
export function createOwnerLookup(): OwnerSource {
  const libc = openNetlink()
  if (libc === undefined) return { source: 'proc', lookup: procLookup() }
  return { source: 'sock_diag', lookup: netlinkLookup(libc) }
}

/** Looks owners up in /proc; questions that come before the read starts share it. */
export function procLookup(): OwnerLookup {
  let reading: Promise<Map<string, SocketRow>> | undefined
  return async (connection) => {
    reading ??= new Promise((resolve) => setImmediate(resolve)).then(() => {
      reading = undefined
      return readTables()
    })
    return ownerOf((await reading).get(connectionKey(connection)), connection)
  }
}

async function readTables(): Promise<Map<string, SocketRow>> {
  // A kernel without IPv6 has no tcp6; a table that cannot be read knows nobody.
  const texts = await Promise.all(TABLES.map((path) => readFile(path, 'latin1').catch(() => '')))
  return new Map(texts.flatMap((text) => [...parseTable(text)]))
}

function netlinkLookup({ fd, send, receive }: Libc): OwnerLookup {
  let sequence = 0
  const answer = Buffer.alloc(ANSWER_LIMIT)
  return async (connection) => {
    sequence = (sequence + 1) >>> 0
    const query = printQuery(connection, sequence)
    if (send(fd, query, query.length, 0) !== query.length) return undefined
    return ownerOf(readAnswer(), connection)
  }

  /** The kernel answers within send(); an answer to an older question is skipped. */
  function readAnswer(): SocketRow | undefined {
    for (let length = 1; length > 0; ) {
      length = receive(fd, answer, answer.length, MSG_DONTWAIT)
      const row = length > 0 ? parseAnswer(answer.subarray(0, length), sequence) : undefined
      if (row !== undefined) return row
    }
    return undefined
  }
}

/** A lookup may answer with our listener, or with a socket whose process is gone: neither has an owner. */
function ownerOf(row: SocketRow | undefined, connection: Connection): number | undefined {
  if (row === undefined || row.state !== ESTABLISHED || row.inode === 0) return undefined
  const same =
    row.sourcePort === connection.sourcePort && row.destinationPort === connection.destinationPort
  return same ? row.uid : undefined
}

/** undefined where koffi is missing: /proc gives the same answer, later. */
function openNetlink(): Libc | undefined {
  const libc = loadKoffi()?.load(null)
  if (libc === undefined) return undefined
  const socket = libc.func('int socket(int family, int type, int protocol)')
  const fd: number = socket(AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_SOCK_DIAG)
  const send: Send = libc.func('long send(int fd, const void *data, size_t length, int flags)')
  const receive: Receive = libc.func(
    'long recv(int fd, _Out_ uint8_t *data, size_t length, int flags)',
  )
  return fd < 0 ? undefined : { fd, send, receive }
}
