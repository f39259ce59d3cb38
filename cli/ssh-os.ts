/**
 * Runs the installed OpenSSH on this terminal and keeps the files it reads.
 */
import { execFile, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'

/** Whether `nc` is OpenBSD's, whose help names -X. */
export function hasSocksNetcat(): Promise<boolean> {
  return new Promise((resolve) => {
    execFile('nc', ['-h'], (_failure, stdout, stderr) =>
      resolve(/-X proxy_protocol/.test(stdout + stderr)),
    )
  })
}

/**
 * Runs ssh with a known_hosts file that lives as long as it does.
 * @returns its exit code, 128 + signal number when a signal ended it, 127 when there is no ssh.
 */
export async function runSsh(
  argv: (knownHostsFile: string) => readonly string[],
  knownHosts: string,
): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'zt-ssh-'))
  try {
    const file = join(folder, 'known_hosts')
    writeFileSync(file, knownHosts, { mode: 0o600 })
    const [program = 'ssh', ...args] = argv(file)
    return await new Promise((resolve, reject) => {
      const child = spawn(program, args, { stdio: 'inherit' })
      // The terminal sends ^C to ssh as well; it decides what that means.
      const ignore = (): void => {}
      process.on('SIGINT', ignore)
      child.on('error', reject)
      child.on('exit', (code, signal) => {
        process.off('SIGINT', ignore)
        resolve(code ?? 128 + constants.signals[signal ?? 'SIGTERM'])
      })
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Keeps known_hosts where ssh finds it later. @param folder made if it is missing. @returns the path. */
export function keepKnownHosts(folder: string, text: string): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const file = join(folder, 'known_hosts')
  writeFileSync(file, text, { mode: 0o600 })
  return file
}
