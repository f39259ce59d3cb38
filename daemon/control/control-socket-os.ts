/**
 * Puts the control socket in its place: an own folder, mode 0600, a way to know every peer; or says why it may not.
 */
import { chmodSync, chownSync, mkdirSync, rmSync, type Stats, statSync } from 'node:fs'
import net, { type Server } from 'node:net'
import { dirname } from 'node:path'
import { err, ok, type Result } from '#lib/result'
import { folderPeerLookup, kernelPeerLookup, type PeerLookup } from './peer-credentials-os.ts'

export type SocketPlace = {
  /** Path of the socket; its folder is made if it is missing. */
  readonly path: string
  /** The user whom the socket belongs to. */
  readonly ownerUid: number
  readonly daemonUid: number
  /** For tests: null acts as if koffi were missing. */
  readonly peerLookup?: PeerLookup | null
}

/**
 * `control_folder_open`: others could put their own socket there. `control_peers_unknown`: without koffi the socket
 * needs a 0700 folder of the daemon's own user, who must be the owner.
 */
export type SocketRefusal = {
  readonly reason: 'already_running' | 'control_folder_open' | 'control_peers_unknown'
}

const SOCKET_MODE = 0o600
/** Bits that `SOCKET_MODE` leaves out. */
const SOCKET_UMASK = 0o177
const OWN_FOLDER_MODE = 0o700
/** When daemon and owner differ the owner must get through the folder; the socket's own mode still bars others. */
const SHARED_FOLDER_MODE = 0o711
const WRITABLE_BY_OTHERS = 0o022

/** Binds and starts to listen. @throws {Error} when the path cannot be used. */
export async function bindControlSocket(
  server: Server,
  place: SocketPlace,
): Promise<Result<PeerLookup, SocketRefusal>> {
  const { path, ownerUid, daemonUid } = place
  const folder = dirname(path)
  const mode = ownerUid === daemonUid ? OWN_FOLDER_MODE : SHARED_FOLDER_MODE
  mkdirSync(folder, { recursive: true, mode })
  const stats = statSync(folder)
  if (!isSafe(stats, place)) return err({ reason: 'control_folder_open' })
  const peerLookup = choosePeerLookup(place, stats)
  if (peerLookup === undefined) return err({ reason: 'control_peers_unknown' })
  if (await answers(path)) return err({ reason: 'already_running' })
  rmSync(path, { force: true })
  await listenClosed(server, path)
  chmodSync(path, SOCKET_MODE)
  // Last: CAP_CHOWN gives it away, and what is another's may not be changed without CAP_FOWNER.
  if (ownerUid !== daemonUid) chownSync(path, ownerUid, -1)
  return ok(peerLookup)
}

function isSafe(folder: Stats, { ownerUid, daemonUid }: SocketPlace): boolean {
  const owners = [0, ownerUid, daemonUid]
  return owners.includes(folder.uid) && (folder.mode & WRITABLE_BY_OTHERS) === 0
}

function choosePeerLookup(
  { peerLookup, ownerUid, daemonUid }: SocketPlace,
  folder: Stats,
): PeerLookup | undefined {
  const kernel = peerLookup === undefined ? kernelPeerLookup() : peerLookup
  if (kernel) return kernel
  return ownerUid === daemonUid ? folderPeerLookup(folder, daemonUid) : undefined
}

/** Whether a daemon answers at the path; a socket that a crashed daemon left behind refuses. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = net.connect(path, () => {
      probe.destroy()
      resolve(true)
    })
    probe.on('error', () => resolve(false))
  })
}

/** Listens on a socket that is born closed: between bind and chmod nobody else could connect. */
async function listenClosed(server: Server, path: string): Promise<void> {
  const listening = new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.once('listening', resolve)
  })
  const mask = process.umask(SOCKET_UMASK)
  try {
    server.listen(path)
  } finally {
    process.umask(mask)
  }
  await listening
}
