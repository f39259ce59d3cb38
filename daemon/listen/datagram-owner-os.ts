/**
 * The user behind a local UDP port, from the kernel's table (/proc/net/udp*). A socket that is not connected has no
 * counterpart there, so the port alone tells; where sockets of two users share it nobody is known.
 */
import { readFile } from 'node:fs/promises'
import { parseRows } from './proc-net-tcp.ts'

/** Uid of the program that sends from here, or undefined when it cannot be known: then refuse. */
export type SenderLookup = (address: string, port: number) => Promise<number | undefined>

const TABLES = ['/proc/net/udp', '/proc/net/udp6']
const UNSPECIFIED = ['0.0.0.0', '::']

/** Looks it up; again when it was not found: the kernel hands out its table in parts, and rows move in between. */
export const lookupSender: SenderLookup = async (address, port) =>
  (await look(address, port)) ?? look(address, port)

const look: SenderLookup = async (address, port) => {
  // A kernel without IPv6 has no udp6; a table that cannot be read knows nobody.
  const texts = await Promise.all(TABLES.map((path) => readFile(path, 'latin1').catch(() => '')))
  const senders = texts.flatMap(parseRows).filter(({ connection, row }) => {
    const bound = connection.sourceAddress
    const isHere = bound === address || UNSPECIFIED.includes(bound)
    return isHere && connection.sourcePort === port && row.inode !== 0
  })
  const [uid, ...others] = new Set(senders.map(({ row }) => row.uid))
  return others.length === 0 ? uid : undefined
}
