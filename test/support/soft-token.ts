/** A PKCS#11 token in software (Debian's softhsm2) with one P-256 key. */
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { chmodSync, mkdirSync } from 'node:fs'
import type { KeyFolder } from './ssh-keygen.ts'

export type SoftToken = {
  readonly library: string
  /** For whoever loads the library. */
  readonly env: Readonly<Record<string, string>>
  /** For `ssh-add`, which asks for the PIN. */
  readonly askpass: Readonly<Record<string, string>>
}

const PIN = '1234'

/** Makes one within the folder. */
export function makeSoftToken(folder: KeyFolder): SoftToken {
  mkdirSync(folder.file('tokens'))
  const conf = folder.write('softhsm2.conf', `directories.tokendir = ${folder.file('tokens')}\n`)
  const env = { SOFTHSM2_CONF: conf }
  const util = (...args: string[]) =>
    execFileSync('softhsm2-util', args, { env: { ...process.env, ...env }, stdio: 'pipe' })
  util('--init-token', '--free', '--label', 'zt', '--pin', PIN, '--so-pin', PIN)
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = folder.write('import.pem', privateKey.export({ type: 'pkcs8', format: 'pem' }))
  util('--import', pem, '--token', 'zt', '--label', 'ca', '--id', '01', '--pin', PIN)
  const askpass = folder.write('askpass', `#!/bin/sh\necho ${PIN}\n`)
  chmodSync(askpass, 0o700)
  return {
    library: '/usr/lib/softhsm/libsofthsm2.so',
    env,
    askpass: { SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: 'force', DISPLAY: ':0' },
  }
}
