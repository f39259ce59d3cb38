/**
 * Who is at the other end of a Unix socket, as the kernel noted it at connect (SO_PEERCRED, unix(7)).
 */
import type { Stats } from 'node:fs'
import type { Socket } from 'node:net'
import { loadKoffi } from '#lib/koffi-os'

/** uid of the peer, or undefined when it cannot be known: then refuse. */
export type PeerLookup = (socket: Socket) => number | undefined

const SOL_SOCKET = 1
const SO_PEERCRED = 17
/** struct ucred: pid, uid, gid, 32 bits each. */
const UCRED_OCTETS = 12
const UID_OFFSET = 4

/** The kernel's answer through koffi; undefined where there is none: the caller falls back to the folder's permissions. */
export function kernelPeerLookup(): PeerLookup | undefined {
  const getsockopt: ((...args: unknown[]) => number) | undefined = loadKoffi()
    ?.load(null)
    .func(
      'int getsockopt(int fd, int level, int name, _Out_ uint8_t *value, _Inout_ uint32_t *length)',
    )
  if (getsockopt === undefined) return undefined
  return (socket) => {
    const credentials = Buffer.alloc(UCRED_OCTETS)
    const fd = fileDescriptorOf(socket)
    if (fd < 0) return undefined
    const result = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, [UCRED_OCTETS])
    return result === 0 ? credentials.readUInt32LE(UID_OFFSET) : undefined
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

/** Node has no public way to the descriptor; -1 once the socket is closed. */
function fileDescriptorOf(socket: Socket): number {
  const { _handle: handle } = socket as unknown as { readonly _handle?: { readonly fd?: number } }
  return handle?.fd ?? -1
}
