/**
 * Messages of the kernel's socket diagnosis (sock_diag(7), linux/inet_diag.h). Pure.
 * Written for little-endian machines, which every Node 20 platform but s390x is.
 * One exact question, one answer: who owns the client's end of a TCP connection on this machine.
 */
import { type IpAddress, parseAddress } from '#lib/net/address'

/** The client's end first: `source` is the program's socket, `destination` is ours. */
export type Connection = {
  readonly sourceAddress: string
  readonly sourcePort: number
  readonly destinationAddress: string
  readonly destinationPort: number
}

/** What the kernel says about one TCP socket. */
export type SocketRow = {
  readonly sourcePort: number
  readonly destinationPort: number
  /** TCP state; 1 is ESTABLISHED. */
  readonly state: number
  readonly uid: number
  /** 0 when no process holds the socket any more; then uid is 0 too and says nothing. */
  readonly inode: number
}

/** SOCK_DIAG_BY_FAMILY (linux/sock_diag.h). */
const BY_FAMILY = 20
const NLM_F_REQUEST = 1
const TCP = 6
export const ESTABLISHED = 1
const AF_INET = 2
const AF_INET6 = 10
const NETLINK_HEADER = 16
/** struct inet_diag_req_v2. */
const REQUEST_OCTETS = 56
/** struct inet_diag_msg. */
const ANSWER_OCTETS = 72
const ALL_STATES = 0xffffffff
const NO_COOKIE = 0xffffffff

/** Prints the question for one connection. */
export function printQuery(connection: Connection, sequence: number): Buffer {
  const source = octetsOf(connection.sourceAddress)
  const destination = octetsOf(connection.destinationAddress)
  const message = Buffer.alloc(NETLINK_HEADER + REQUEST_OCTETS)
  message.writeUInt32LE(message.length, 0)
  message.writeUInt16LE(BY_FAMILY, 4)
  message.writeUInt16LE(NLM_F_REQUEST, 6)
  message.writeUInt32LE(sequence >>> 0, 8)
  message[16] = source.length === 4 ? AF_INET : AF_INET6
  message[17] = TCP
  message.writeUInt32LE(ALL_STATES, 20)
  message.writeUInt16BE(connection.sourcePort, 24)
  message.writeUInt16BE(connection.destinationPort, 26)
  message.set(source, 28)
  message.set(destination, 44)
  message.writeUInt32LE(NO_COOKIE, 64)
  message.writeUInt32LE(NO_COOKIE, 68)
  return message
}

/** Parses an answer; undefined for an error of the kernel's (no such socket) and for anything unexpected. */
export function parseAnswer(message: Buffer, sequence: number): SocketRow | undefined {
  if (message.length < NETLINK_HEADER + ANSWER_OCTETS) return undefined
  const type = message.readUInt16LE(4)
  if (type !== BY_FAMILY || message.readUInt32LE(8) !== sequence >>> 0) return undefined
  return {
    state: message.readUInt8(17),
    sourcePort: message.readUInt16BE(20),
    destinationPort: message.readUInt16BE(22),
    uid: message.readUInt32LE(80),
    inode: message.readUInt32LE(84),
  }
}

function octetsOf(text: string): Uint8Array {
  const address = parseAddress(text)
  const parsed: IpAddress = address.ok ? address.value : { version: 4, bytes: new Uint8Array(4) }
  return parsed.bytes
}
