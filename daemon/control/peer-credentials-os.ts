/**
 * Who is at the other end of a Unix socket, as the kernel noted it at connect (SO_PEERCRED, unix(7)).
 */
import type { Stats } from 'node:fs'
import type { Socket } from 'node:net'
import { socketOptionReader } from '../socket-option-os.ts'

/** uid of the peer, or undefined when it cannot be known: then refuse. */
export type PeerLookup = (socket: Socket) => number | undefined

/** SOL_SOCKET, SO_PEERCRED. */
const PEER_CREDENTIALS = { level: 1, name: 17 }
/** struct ucred: pid, uid, gid, 32 bits each. */
const UCRED_OCTETS = 12
const UID_OFFSET = 4

/** The kernel's answer through koffi; undefined where there is none: the caller falls back to the folder's permissions. */
export function kernelPeerLookup(): PeerLookup | undefined {
  const readOption = socketOptionReader()
  if (readOption === undefined) return undefined
  return (socket) => {
    const credentials = Buffer.alloc(UCRED_OCTETS)
    const isRead = readOption(socket, PEER_CREDENTIALS, credentials)
    return isRead ? credentials.readUInt32LE(UID_OFFSET) : undefined
  }
}

/**
 * The file system's answer: in a folder that only the daemon's own user can enter, every peer is that user.
 * (Root can enter too, and can become that user anyway.)
 * @returns undefined when the folder does not prove that.
 */
export function folderPeerLookup(folder: Stats, daemonUid: number): PeerLookup | undefined {
  const closed = folder.uid === daemonUid && (folder.mode & 0o077) === 0
  return closed ? () => daemonUid : undefined
}
