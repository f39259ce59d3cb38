/** SSH authorities as after `init`, in a fresh folder. */
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { openSshAuthorities } from '../../gateway/ssh-ca/ssh-authorities-store.ts'
import type { Store } from '../../gateway/store/store.ts'

export function sampleAuthorities(
  t: ExecutionContext,
  store: Pick<Store, 'sshCa' | 'foreignVersion'>,
  now: () => number = Date.now,
) {
  const dir = mkdtempSync(join(tmpdir(), 'zt-ssh-ca-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  for (const name of ['user', 'host']) {
    const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' })
    writeFileSync(join(dir, `ssh-${name}-ca.key`), pem, { mode: 0o600 })
  }
  const opened = openSshAuthorities({ store, dir, now })
  if (!opened.ok) throw new Error(opened.error.message)
  return opened.value
}
