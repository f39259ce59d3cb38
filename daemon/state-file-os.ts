/** Files in the state folder, each replaced whole: after a power cut there is the old one or the new one. */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'

/** @returns its text; undefined when there is none. @throws {Error} when it cannot be read. */
export function readStateFile(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined
    throw cause
  }
}

/** Mode 0600. @throws {Error} when it cannot be written; the old one stays. */
export function replaceStateFile(file: string, text: string): void {
  const next = `${file}.next`
  // Its mode is that of this call, whoever left one behind.
  rmSync(next, { force: true })
  writeFileSync(next, text, { mode: 0o600, flush: true })
  renameSync(next, file)
}
