/** What `zt doctor` does to the machine: runs the daemon's program where no daemon answers, and writes an archive. */
import { execFile } from 'node:child_process'
import { closeSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import type { DoctorReport } from '#lib/api/doctor-api'
import { err, ok, type Result } from '#lib/result'
import { type CliFailure, EXIT } from './cli-io.ts'

const TIME_LIMIT_MS = 60_000
const OUTPUT_LIMIT_BYTES = 4 * 1024 * 1024

/** @param program argv of zt-daemon. */
export function doctorOf(program: readonly string[]) {
  return async (bundle: boolean): Promise<Result<DoctorReport, CliFailure>> => {
    const [file = '', ...args] = [...program, 'doctor', ...(bundle ? ['--bundle'] : [])]
    try {
      const limits = { timeout: TIME_LIMIT_MS, maxBuffer: OUTPUT_LIMIT_BYTES }
      const { stdout } = await promisify(execFile)(file, args, limits)
      return ok(JSON.parse(stdout) as DoctorReport)
    } catch {
      const message = 'No daemon answers, and zt-daemon could not be run to look in its place.'
      return err({ code: 'doctor_failed', message, exitCode: EXIT.usage })
    }
  }
}

/** Compresses and writes a new file that only its owner reads; an existing one is replaced only when that is said. */
export function writeArchive(
  path: string,
  archive: Uint8Array,
  force: boolean,
): Result<void, CliFailure> {
  const draft = force ? `${path}.${process.pid}.new` : path
  try {
    const file = openSync(draft, 'wx', 0o600)
    writeFileSync(file, gzipSync(archive))
    closeSync(file)
    if (force) renameSync(draft, path)
    return ok(undefined)
  } catch {
    if (force) rmSync(draft, { force: true })
    const message = `${path} exists or cannot be made; name a new file, or say --force.`
    return err({ code: 'bundle_not_made', message, exitCode: EXIT.usage })
  }
}
