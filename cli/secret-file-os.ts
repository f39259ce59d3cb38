/**
 * Files with a secret in them: read only when nobody else can, made so that nobody else can.
 */
import {
  closeSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { text } from 'node:stream/consumers'
import { err, ok, type Result } from '#lib/result'
import { type CliFailure, EXIT, type NewSecretFile, type SecretFiles } from './cli-io.ts'

/** Others than the owner. */
const OTHERS = 0o077

export const secretFiles: SecretFiles = {
  read: async (path) =>
    path === '-' ? ok((await text(process.stdin)).trim()) : readSecretFile(path),
  create: createSecretFile,
  replace: replaceSecretFile,
}

/** Reads a secret, without the white space around it. */
export function readSecretFile(path: string): Result<string, CliFailure> {
  try {
    if ((statSync(path).mode & OTHERS) === 0) return ok(readFileSync(path, 'utf8').trim())
  } catch {
    return fail('token_file_unreadable', `${path} cannot be read.`)
  }
  return fail('token_file_open', `${path} can be read by others; run: chmod 600 ${path}`)
}

function createSecretFile(path: string): Result<NewSecretFile, CliFailure> {
  try {
    const file = openSync(path, 'wx', 0o600)
    return ok({
      keep(secret) {
        writeSync(file, `${secret}\n`)
        closeSync(file)
      },
      discard() {
        closeSync(file)
        rmSync(path)
      },
    })
  } catch {
    return fail('token_file_not_made', `${path} exists or cannot be made; name a new file.`)
  }
}

function replaceSecretFile(path: string, secret: string): Result<void, CliFailure> {
  const draft = `${path}.${process.pid}.new`
  try {
    writeFileSync(draft, secret, { mode: 0o600, flag: 'wx', flush: true })
    renameSync(draft, path)
    return ok(undefined)
  } catch {
    rmSync(draft, { force: true })
    return fail('secret_file_not_made', `${path} cannot be written.`)
  }
}

function fail(code: string, message: string): Result<never, CliFailure> {
  return err({ code, message, exitCode: EXIT.usage })
}
