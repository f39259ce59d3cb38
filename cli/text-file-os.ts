/** Files that commands are given, and those they make, but secrets. */
import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { err, ok, type Result } from '#lib/result'
import { type CliFailure, EXIT } from './cli-io.ts'

/** As large as a configuration may be. */
const LIMIT_BYTES = 16 * 1024 * 1024

export function readText(path: string): Result<string, CliFailure> {
  try {
    if (statSync(path).size > LIMIT_BYTES) return unreadable(path, 'is larger than 16 MiB')
    return ok(readFileSync(path, 'utf8'))
  } catch {
    return unreadable(path, 'cannot be read')
  }
}

export function writeFile(path: string, content: string | Uint8Array): Result<void, CliFailure> {
  try {
    // Whoever reads it meanwhile sees the one before.
    writeFileSync(`${path}.new`, content, { flush: true })
    renameSync(`${path}.new`, path)
    return ok(undefined)
  } catch {
    const message = `${path} cannot be written.`
    return err({ code: 'unwritable_file', message, exitCode: EXIT.usage })
  }
}

function unreadable(path: string, why: string): Result<never, CliFailure> {
  return err({ code: 'unreadable_file', message: `${path} ${why}.`, exitCode: EXIT.usage })
}
