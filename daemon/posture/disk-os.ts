/** Looks at what disks are encrypted with: a mount is where every path from it to hardware goes through dm-crypt. */
import { readdir, readFile, realpath } from 'node:fs/promises'
import { basename } from 'node:path'
import type { PostureFinding } from '#lib/wire/posture-message'
import { type DiskMount, parseDiskMounts } from './mount-table.ts'

/** Device mapper over logical volumes over RAID is about five deep. */
const DEPTH_LIMIT = 16

/** @param wanted mount points; none means every one that is on a disk. */
export async function findDisks(wanted: readonly string[]): Promise<PostureFinding> {
  const all = parseDiskMounts(await readFile('/proc/self/mountinfo', 'utf8'))
  const asked =
    wanted.length === 0 ? onePerDevice(all) : all.filter(({ mount }) => wanted.includes(mount))
  const mounts = asked.map(async (one) => ({
    mount: one.mount,
    encrypted: await isEncrypted(await folderOf(one), 0),
  }))
  return { kind: 'disk_encryption', mounts: await Promise.all(mounts) }
}

/** A device may be mounted in many places. */
function onePerDevice(all: readonly DiskMount[]): readonly DiskMount[] {
  return all.filter((one, at) => all.findIndex(({ device }) => device === one.device) === at)
}

/** Where the kernel describes the device. */
async function folderOf({ device, source }: DiskMount): Promise<string> {
  const byNumber = await realpath(`/sys/dev/block/${device}`).catch(() => undefined)
  return byNumber ?? `/sys/class/block/${basename(await realpath(source).catch(() => source))}`
}

/** What cannot be read is not encrypted. */
async function isEncrypted(folder: string, depth: number): Promise<boolean> {
  const uuid = await readFile(`${folder}/dm/uuid`, 'utf8').catch(() => '')
  if (uuid.startsWith('CRYPT-')) return true
  const below = await readdir(`${folder}/slaves`).catch(() => [])
  if (below.length === 0 || depth === DEPTH_LIMIT) return false
  const found = await Promise.all(
    below.map((name) => isEncrypted(`${folder}/slaves/${name}`, depth + 1)),
  )
  return found.every((one) => one)
}
