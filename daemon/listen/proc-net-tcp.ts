/**
 * The kernel's tables of TCP and UDP sockets as text (/proc/net/tcp, tcp6, udp, udp6; proc(5)). Pure.
 *
 *     sl  local_address rem_address   st tx_queue:rx_queue tr:tm->when retrnsmt   uid  timeout inode
 *      0: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 12345
 */
import { addressFromBytes, formatAddress } from '#lib/net/address'
import type { Connection, SocketRow } from './inet-diag.ts'

/** Columns that we read, counted from 0. */
const LOCAL = 1
const REMOTE = 2
const STATE = 3
const UID = 7
const INODE = 9

/** A key that equal connections share. */
export function connectionKey(connection: Connection): string {
  const { sourceAddress, sourcePort, destinationAddress, destinationPort } = connection
  return `${sourceAddress} ${sourcePort} ${destinationAddress} ${destinationPort}`
}

/** Parses a table; lines that do not parse are skipped. Never throws. */
export function parseTable(text: string): Map<string, SocketRow> {
  return new Map(parseRows(text).map(({ connection, row }) => [connectionKey(connection), row]))
}

/** A line of a table. */
export type TableRow = { readonly connection: Connection; readonly row: SocketRow }

/** All lines that parse. Never throws. */
export function parseRows(text: string): TableRow[] {
  return text.split('\n').flatMap((line) => parseLine(line) ?? [])
}

function parseLine(line: string): TableRow | undefined {
  const columns = line.trim().split(/\s+/)
  const local = parseEnd(columns[LOCAL] ?? '')
  const remote = parseEnd(columns[REMOTE] ?? '')
  if (local === undefined || remote === undefined) return undefined
  return {
    connection: {
      sourceAddress: local.address,
      sourcePort: local.port,
      destinationAddress: remote.address,
      destinationPort: remote.port,
    },
    row: {
      sourcePort: local.port,
      destinationPort: remote.port,
      state: Number.parseInt(columns[STATE] ?? '', 16),
      uid: Number(columns[UID]),
      inode: Number(columns[INODE]),
    },
  }
}

/** `0100007F:1F90`: 32-bit words in the machine's order, little-endian; the port is a plain number. */
function parseEnd(text: string): { address: string; port: number } | undefined {
  const parts = /^([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})$/.exec(text)
  if (parts?.[1] === undefined || parts[2] === undefined) return undefined
  const words = Buffer.from(parts[1], 'hex').swap32()
  return { address: formatAddress(addressFromBytes(words)), port: Number.parseInt(parts[2], 16) }
}
