/** What the machine is: system, kernel, serial number. */
import { readFile } from 'node:fs/promises'
import { release } from 'node:os'
import type { PostureFinding } from '#lib/wire/posture-message'
import { parseOsRelease } from './os-release.ts'

/** The first that is there counts (os-release(5)). */
const OS_RELEASE = ['/etc/os-release', '/usr/lib/os-release']
const SERIAL = '/sys/class/dmi/id/product_serial'

/** Versions of the distribution and of the kernel. */
export async function findVersions(): Promise<PostureFinding> {
  const system = parseOsRelease(await firstOf(OS_RELEASE))
  const linux = release()
  return {
    kind: 'os_version',
    versions: system === undefined ? { linux } : { [system.id]: system.version, linux },
  }
}

/** @throws {Error} for anybody but root, and where the firmware names none. */
export async function findSerial(): Promise<PostureFinding> {
  const serial = (await readFile(SERIAL, 'utf8')).trim()
  if (serial === '') throw new Error('the firmware names none')
  return { kind: 'serial', serial }
}

async function firstOf(paths: readonly string[]): Promise<string> {
  for (const path of paths) {
    const text = await readFile(path, 'utf8').catch(() => undefined)
    if (text !== undefined) return text
  }
  return ''
}
