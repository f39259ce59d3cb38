/** What ssh-audit, a program that looks for weak algorithms, says of the server that users see (T13). */
import { execFile } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:net'
import test from 'ava'
import { signerFor } from '#lib/ssh/signature'
import { mintHostCertificate } from '../../../../gateway/ssh/login/ca.ts'
import { deriveHostKey } from '../../../../gateway/ssh/login/host-key.ts'
import { FIPS_ALGORITHMS, SERVER_ALGORITHMS } from '../../../../gateway/ssh/transport/algorithms.ts'
import type { AlgorithmLists } from '../../../../gateway/ssh/transport/transport-types.ts'
import { joinSocket } from '../../../support/transport-socket.ts'

async function audit(
  t: { teardown(fn: () => void): void },
  algorithms: AlgorithmLists,
): Promise<string> {
  const raw = deriveHostKey(Buffer.alloc(32, 3), 'db1.corp.internal', 22)
  const authority = signerFor(generateKeyPairSync('ed25519').privateKey)
  const hostKey = raw.ok ? raw.value : undefined
  if (hostKey === undefined) throw new Error('no host key')
  const nowSeconds = Math.floor(Date.now() / 1000)
  const certified = await mintHostCertificate({
    authority,
    hostKey,
    names: ['db1.corp.internal'],
    nowSeconds,
  })
  const hostKeys = certified.ok ? [certified.value, hostKey] : []
  const server = createServer((socket) => {
    t.teardown(() => socket.destroy())
    joinSocket(socket, { role: 'server', algorithms, hostKeys }, () => undefined)
  })
  t.teardown(() => server.close())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' ? String(address?.port) : ''
  return new Promise((resolve) => {
    execFile('ssh-audit', ['-n', '-p', port, '127.0.0.1'], (_error, stdout) => resolve(stdout))
  })
}

test('S1 T13: ssh-audit finds nothing to fail, and no NIST curve', async (t) => {
  const said = await audit(t, SERVER_ALGORITHMS)
  t.regex(said, /\(kex\) curve25519-sha256/)
  t.regex(said, /\(key\) ssh-ed25519-cert-v01@openssh\.com|\(key\) ssh-ed25519/)
  t.notRegex(said, /\[fail\]/)
  t.notRegex(said, /nistp/)
})

test('S13 T13: with the FIPS lists nothing fails but the NIST curves that FIPS asks for', async (t) => {
  const said = await audit(t, FIPS_ALGORITHMS)
  const fails = said
    .split('\n')
    .filter((line) => line.includes('[fail]') && !line.includes('nistp'))
  const isNistOnly = fails.every((line) => /National Security Agency|elliptic curves/.test(line))
  t.true(isNistOnly, fails.join('\n'))
  t.regex(said, /\(kex\) ecdh-sha2-nistp384/)
})
