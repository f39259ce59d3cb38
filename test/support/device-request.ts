/** Certificate requests made by OpenSSL, as another program would make them. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** `openssl req` arguments of a key that devices may have. */
export const P256_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'] as const

/** Makes a request with a fresh key. @param args arguments of `openssl req` beyond the usual ones. */
export function opensslRequest(...args: readonly string[]): string {
  const dir = mkdtempSync(join(tmpdir(), 'zt-csr-'))
  try {
    const usual = ['req', '-new', '-nodes', '-keyout', join(dir, 'key'), '-subj', '/CN=device']
    return execFileSync('openssl', [...usual, ...args], { encoding: 'utf8', stdio: 'pipe' })
  } finally {
    rmSync(dir, { recursive: true })
  }
}
