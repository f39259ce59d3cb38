/** /proc/self/mountinfo (proc(5)): which block device is behind which mount point. Pure. */

/** One mount of a block device. */
export type DiskMount = {
  readonly mount: string
  /** `major:minor`; not that of the disk where a file system makes its own (btrfs). */
  readonly device: string
  /** Path of the block device, as it was mounted. */
  readonly source: string
}

/** Mounts whose source is a device, the topmost of each mount point. Never throws. */
export function parseDiskMounts(text: string): readonly DiskMount[] {
  const found = new Map<string, DiskMount>()
  for (const line of text.split('\n')) {
    const [left = '', right = ''] = line.split(' - ')
    const [, , device = '', , mountText] = left.split(' ')
    const [, source = ''] = right.split(' ')
    if (mountText === undefined) continue
    const mount = unescaped(mountText)
    // A later line covers an earlier one at the same place, whatever it is.
    found.delete(mount)
    if (isDisk(device, source)) found.set(mount, { mount, device, source })
  }
  return [...found.values()]
}

/** A loop device is a file: what holds it counts, and is mounted too. */
function isDisk(device: string, source: string): boolean {
  return source.startsWith('/dev/') && !source.startsWith('/dev/loop') && /^\d+:\d+$/.test(device)
}

/** Space, tab, line feed and backslash are written in octal. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  )
}
