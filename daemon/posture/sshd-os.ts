/**
 * Looks at one setting of the SSH server of this machine. `sshd -T` knows it for sure but needs root; its files are
 * the next best, read as sshd does: the first value counts, before any Match block.
 */
import { readdir, readFile } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import type { PostureFinding } from '#lib/wire/posture-message'
import { runSystem } from './run-os.ts'
import { parseSshdConfig, printedSetting, type SshdLine } from './sshd-config.ts'

const MAIN_FILE = '/etc/ssh/sshd_config'
const INCLUDE_DEPTH_LIMIT = 16

/** @throws {Error} when nothing says how it is set. */
export async function findSshdSetting(
  keyword: string,
  signal: AbortSignal,
): Promise<PostureFinding> {
  const said = await runSystem('sshd', ['-T'], signal)
  const printed = said?.code === 0 ? printedSetting(said.stdout, keyword) : undefined
  if (printed !== undefined) return { kind: 'sshd_config', value: printed, by: 'sshd -T' }
  const lines = await linesOf(MAIN_FILE, 0)
  const matchAt = lines.findIndex((line) => line.keyword === 'match')
  const global = matchAt < 0 ? lines : lines.slice(0, matchAt)
  const found = global.find((line) => line.keyword === keyword)
  if (found === undefined) throw new Error('sshd -T cannot be run, and its files do not set it')
  return { kind: 'sshd_config', value: found.value, by: MAIN_FILE }
}

/** All lines, with those of included files where the Include stands. */
async function linesOf(path: string, depth: number): Promise<readonly SshdLine[]> {
  const lines: SshdLine[] = []
  for (const line of parseSshdConfig(await readFile(path, 'utf8'))) {
    if (line.keyword !== 'include' || depth === INCLUDE_DEPTH_LIMIT) lines.push(line)
    else
      for (const file of await included(line.value)) lines.push(...(await linesOf(file, depth + 1)))
  }
  return lines
}

/** Files that patterns such as `/etc/ssh/sshd_config.d/*.conf` name, in order. */
async function included(value: string): Promise<readonly string[]> {
  const found = await Promise.all(
    value.split(/\s+/).map(async (written) => {
      const path = resolve(dirname(MAIN_FILE), written)
      const [before = '', after] = basename(path).split('*', 2)
      if (after === undefined) return [path]
      const names = await readdir(dirname(path)).catch(() => [])
      const fits = names.filter((name) => name.startsWith(before) && name.endsWith(after)).sort()
      return fits.map((name) => resolve(dirname(path), name))
    }),
  )
  return found.flat()
}
