/** Certificates of the user, and what a revocation does to sessions, with real ssh and sshd. */
import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { mintCertificate, randomSerial } from '#lib/ssh/certificate-mint'
import { printPrivateKey } from '#lib/ssh/private-key'
import { printPublicKeyLine } from '#lib/ssh/public-key-line'
import { signerFor } from '#lib/ssh/signature'
import type { Recordings } from '../../../gateway/recording/recorder.ts'
import type { CertificateMark } from '../../../gateway/ssh-ca/ssh-revocation.ts'
import { sampleFacts } from '../../support/sample-facts.ts'
import { sampleServiceDeps } from '../../support/ssh-gateway.ts'
import { startSshPair } from '../../support/ssh-pair.ts'

const clientAuthority = signerFor(generateKeyPairSync('ed25519').privateKey)
const { email } = sampleFacts().subject
const NO_RECORDINGS = {} as Recordings

/** A gateway whose authorities have a client authority, and revocations that the test makes. */
async function start(t: ExecutionContext, userCertificate: 'optional' | 'required' = 'optional') {
  let isRevoked = (_mark: CertificateMark): boolean => false
  const listeners = new Set<() => void>()
  const own = sampleServiceDeps(NO_RECORDINGS).authorities
  const authorities = {
    ...own,
    blobs: (name: 'user' | 'host' | 'client') =>
      name === 'client' ? [clientAuthority.blob] : own.blobs(name),
    isRevoked: (mark: CertificateMark) => isRevoked(mark),
    onChange(listener: () => void) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  const required = userCertificate === 'required' && { requiresCertificate: true as const }
  const limitsToo = { ...required }
  const pair = await startSshPair([], { deps: { authorities }, limitsToo })
  t.teardown(() => pair.stop())
  return {
    ...pair,
    listeners,
    revoke(which: (mark: CertificateMark) => boolean) {
      isRevoked = which
      for (const listener of listeners) listener()
    },
    /** Puts a certificate where ssh finds it. @returns options of ssh. */
    certificate(name: string, change: { email?: string; principal?: string } = {}) {
      const key = generateKeyPairSync('ed25519').privateKey
      const serial = randomSerial()
      const now = Math.floor(Date.now() / 1000)
      const blob = mintCertificate({
        ...{ subject: signerFor(key).blob, authority: clientAuthority, kind: 'user', serial },
        keyId: `zt:${change.email ?? email}:device`,
        principals: [change.principal ?? 'root'],
        ...{ validAfterSeconds: now - 60, validBeforeSeconds: now + 600 },
      })
      const file = join(pair.proxied.folder, name)
      writeFileSync(file, printPrivateKey(key, name), { mode: 0o600 })
      writeFileSync(`${file}-cert.pub`, `${printPublicKeyLine(blob)}\n`)
      const options = ['-i', file, '-o', `CertificateFile=${file}-cert.pub`]
      return { serial, options }
    },
  }
}

test('S2 T23: revoking the serial, the key id or the authority of a login ends the live session', async (t) => {
  for (const by of ['serial', 'keyId', 'authority'] as const) {
    const { proxied, gateway, sshd, revoke, listeners } = await start(t)
    const running = proxied.ssh(['target', 'echo in; exec sleep 60'])
    await sshd.logged(/Starting session: command/)
    const { serial } = gateway.log.find((line) => line['serial'] !== undefined) ?? {}
    revoke((mark) => {
      if (by === 'serial') return mark.serial.toString() === serial
      if (by === 'keyId') return mark.keyId.startsWith(`zt:${email}:`)
      return mark.authority.blob.length > 0
    })
    const { code, stderr } = await running
    t.is(code, 255)
    t.regex(stderr, /was revoked/)
    t.is((await gateway.lastEnd()).closeReason, 'certificate_revoked')
    t.is(listeners.size, 0)
    if (by === 'serial') t.is((await proxied.ssh(['target', 'id'])).code, 0)
    else t.is((await proxied.ssh(['target', 'id'])).code, 255)
  }
})

test('S2 T23: what was revoked while the session was set up is not shown to the target', async (t) => {
  const { proxied, gateway, revoke, listeners } = await start(t)
  revoke(() => true)
  const { code, stderr } = await proxied.ssh(['target', 'id'])
  t.is(code, 255)
  t.regex(stderr, /was revoked/)
  t.is((await gateway.lastEnd()).closeReason, 'certificate_revoked')
  t.is(listeners.size, 0)
  const said = gateway.log.filter(({ session }) => session !== undefined)
  t.deepEqual(
    said.map(({ closeReason }) => closeReason),
    ['certificate_revoked'],
  )
})

test('S2 T23: the certificate that the user showed ends the session too, and opens no other', async (t) => {
  const { proxied, gateway, sshd, revoke, certificate } = await start(t, 'required')
  const { options, serial } = certificate('held')
  const running = proxied.ssh([...options, 'target', 'exec sleep 60'])
  await sshd.logged(/Starting session: command/)
  revoke((mark) => mark.serial === serial)
  t.is((await running).code, 255)
  t.is((await gateway.lastEnd()).closeReason, 'certificate_revoked')
  const again = await proxied.ssh([...options, 'target', 'id'])
  t.is(again.code, 255)
  t.is((await proxied.ssh([...certificate('fresh').options, 'target', 'id'])).code, 0)
})

test('S2: where a certificate is required, none and those of others open nothing', async (t) => {
  const { proxied, gateway, certificate } = await start(t, 'required')
  const none = await proxied.ssh(['target', 'id'])
  t.is(none.code, 255)
  t.regex(none.stderr, /run "zt ssh-cert"/)
  t.regex(none.stderr, /Permission denied \(publickey\)/)
  const others = certificate('others', { email: 'mallory@example.com' })
  const stolen = await proxied.ssh([...others.options, 'target', 'id'])
  t.is(stolen.code, 255)
  t.regex(stolen.stderr, /issued to another person/)
  const elsewhere = certificate('elsewhere', { principal: 'postgres' })
  t.is((await proxied.ssh([...elsewhere.options, 'target', 'id'])).code, 255)
  const own = await proxied.ssh([...certificate('own').options, 'target', 'echo in'])
  t.is(own.stdout.toString(), 'in\n', own.stderr)
  t.is((await gateway.lastEnd()).closeReason, 'done')
})
