/** Keys and certificates made and read by OpenSSH's own ssh-keygen. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A folder of keys, removed by `remove`. */
export class KeyFolder {
  readonly path: string = mkdtempSync(join(tmpdir(), 'zt-keys-'))

  /** Makes `name` and `name.pub`, for example `makeKey('ca', '-t', 'ed25519')`. */
  makeKey(name: string, ...options: string[]): string {
    this.keygen(...options, '-q', '-N', '', '-C', name, '-f', this.file(name))
    return this.file(name)
  }

  /** Certifies `subject`.pub by `ca`, with more options of ssh-keygen; returns the certificate blob. */
  certify(ca: string, subject: string, ...options: string[]): Buffer {
    this.keygen('-q', '-s', this.file(ca), ...options, this.file(`${subject}.pub`))
    return this.blob(`${subject}-cert.pub`)
  }

  /** The blob in a public key or certificate file. */
  blob(name: string): Buffer {
    return Buffer.from(readFileSync(this.file(name), 'utf8').split(' ')[1] ?? '', 'base64')
  }

  /** A public key file, on one line. */
  line(name: string): string {
    return readFileSync(this.file(name), 'utf8').trimEnd()
  }

  /** What `ssh-keygen -L` says of a certificate line. */
  describe(line: string): string {
    return this.keygen('-L', '-f', this.write('described-cert.pub', `${line}\n`))
  }

  keygen(...options: string[]): string {
    return execFileSync('ssh-keygen', options, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  }

  /** Writes a file into the folder; returns its path. */
  write(name: string, content: string | Buffer): string {
    writeFileSync(this.file(name), content, { mode: 0o600 })
    return this.file(name)
  }

  file(name: string): string {
    return join(this.path, name)
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}
