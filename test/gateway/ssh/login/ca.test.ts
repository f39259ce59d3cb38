import { generateKeyPairSync, randomBytes } from 'node:crypto'
import test from 'ava'
import fc from 'fast-check'
import { parseCertificate } from '#lib/ssh/certificate'
import { printPublicKeyLine } from '#lib/ssh/public-key-line'
import { signerFor } from '#lib/ssh/signature'
import { parseUnixUser } from '#lib/ssh/unix-user'
import {
  keyIdPrefix,
  mintHostCertificate,
  mintTargetCredential,
} from '../../../../gateway/ssh/login/ca.ts'
import { deriveHostKey } from '../../../../gateway/ssh/login/host-key.ts'
import type { HostKey } from '../../../../gateway/ssh/transport/transport-types.ts'
import { KeyFolder } from '../../../support/ssh-keygen.ts'

const NOW = 1_800_000_000
const authority = signerFor(generateKeyPairSync('ed25519').privateKey)
const LOGIN = {
  authority,
  userEmail: 'alice@example.com',
  sessionId: 'f3b1',
  unixUser: 'demo',
  extensions: ['permit-pty'],
  sourceAddress: '192.0.2.1',
  nowSeconds: NOW,
} as const
const secret = randomBytes(32)

function certificateOf(blob: Buffer) {
  const parsed = parseCertificate(blob)
  if (!parsed.ok) throw new Error(parsed.error.reason)
  return parsed.value
}

test('S2: a login is one fresh key, one principal, three minutes, only what was granted', async (t) => {
  const credential = await mintTargetCredential(LOGIN)
  if (!credential.ok) return t.fail(credential.error.reason)
  const certificate = certificateOf(credential.value.certificate)
  t.like(certificate, {
    kind: 'user',
    keyId: 'zt:alice@example.com:f3b1',
    principals: ['demo'],
    validAfter: BigInt(NOW - 300),
    validBefore: BigInt(NOW + 180),
    serial: credential.value.serial,
  })
  t.deepEqual([...certificate.extensions.keys()], ['permit-pty'])
  t.deepEqual([...certificate.criticalOptions.keys()], ['source-address'])
  t.deepEqual(certificate.authority.blob, authority.blob)
  const again = await mintTargetCredential(LOGIN)
  t.false(again.ok && again.value.signer.blob.equals(credential.value.signer.blob))
  return undefined
})

test('S2: no setting makes a login certificate live longer than ten minutes', async (t) => {
  const credential = await mintTargetCredential({ ...LOGIN, lifetimeSeconds: 86_400 })
  t.is(credential.ok && credential.value.validBeforeSeconds, NOW + 600)
})

test('S2: ssh-keygen reads a login certificate', async (t) => {
  const folder = new KeyFolder()
  t.teardown(() => folder.remove())
  const credential = await mintTargetCredential(LOGIN)
  const said = folder.describe(
    credential.ok ? printPublicKeyLine(credential.value.certificate) : '',
  )
  t.regex(said, /Key ID: "zt:alice@example\.com:f3b1"/)
  t.regex(said, /source-address 192\.0\.2\.1\s+Extensions:\s+permit-pty\s*$/)
})

for (const user of [
  '',
  '-l',
  'a$b',
  '$(id)',
  'a\\b',
  'a b',
  'a\nb',
  'a"',
  "a'",
  'ä',
  'a@b',
  'a.',
  'a,b',
  'root\0',
  '%u',
  'x'.repeat(33),
]) {
  test(`S2 T26: no certificate for the UNIX user ${JSON.stringify(user)}`, async (t) => {
    t.deepEqual(await mintTargetCredential({ ...LOGIN, unixUser: user }), {
      ok: false,
      error: { reason: 'bad_unix_user' },
    })
  })
}

test('S2 T26: plain names are taken as they are', (t) => {
  for (const user of ['root', 'demo', '_apt', 'a.b-c_d', 'Admin', 'x'.repeat(32), 'a-']) {
    t.deepEqual(parseUnixUser(user), { ok: true, value: user } as never)
  }
})

test('S2 T26: the key ids of two users never begin alike', (t) => {
  t.is(keyIdPrefix('a:b@c'), 'zt:a%3Ab@c:')
  t.is(keyIdPrefix('ä\n"@c'), 'zt:%C3%A4%0A%22@c:')
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (a, b) => {
      t.is(keyIdPrefix(a).startsWith(keyIdPrefix(b)), a === b)
      t.regex(keyIdPrefix(a), /^zt:[A-Za-z0-9._+@%-]*:$/)
    }),
  )
})

test('S2: a source address that is none is refused', async (t) => {
  const minted = await mintTargetCredential({ ...LOGIN, sourceAddress: '10.0.0.0/0,0.0.0.0/0' })
  t.deepEqual(minted, { ok: false, error: { reason: 'bad_source_address' } })
})

function hostKey(host: string, port: number, from = secret): HostKey {
  const derived = deriveHostKey(from, host, port)
  if (!derived.ok) throw new Error(derived.error.reason)
  return derived.value
}

test('S1 T30: a host key is stable for its target, however spelled, and never that of another', (t) => {
  t.deepEqual(hostKey('db.corp', 22).blob, hostKey('DB.corp.', 22).blob)
  t.deepEqual(hostKey('2001:db8::1', 22).blob, hostKey('2001:0DB8:0:0::1', 22).blob)
  t.deepEqual(hostKey('10.0.0.1', 22).blob, hostKey('::ffff:10.0.0.1', 22).blob)
  const targets = [
    hostKey('db.corp', 22),
    hostKey('db.corp', 2222),
    hostKey('db.corp2', 22),
    hostKey('xdb.corp', 22),
    hostKey('10.0.0.1', 22),
    hostKey('db.corp', 22, randomBytes(32)),
  ]
  t.is(new Set(targets.map(({ blob }) => blob.toString('hex'))).size, targets.length)
})

test('S1 T30: the host key of a known secret never changes between versions', (t) => {
  t.is(
    printPublicKeyLine(hostKey('db.corp.internal', 22, Buffer.alloc(32, 1)).blob),
    'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJSLsXLdAIyEGFpjwTTGHCjDfRBC2RtUguvV9GpD/8w0',
  )
  t.false(deriveHostKey(secret, 'a b', 22).ok)
  t.throws(() => deriveHostKey(Buffer.alloc(31), 'a', 22), { instanceOf: RangeError })
})

test('S1: a host certificate names this target only', async (t) => {
  const raw = hostKey('db1.corp.internal', 22)
  const names = ['db1.corp.internal', 'db1', '10.0.0.5', 'db1']
  const minted = await mintHostCertificate({ authority, hostKey: raw, names, nowSeconds: NOW })
  if (!minted.ok) return t.fail(minted.error.reason)
  t.is(minted.value.algorithm, 'ssh-ed25519-cert-v01@openssh.com')
  const certificate = certificateOf(minted.value.blob)
  t.like(certificate, { kind: 'host', principals: ['db1.corp.internal', 'db1', '10.0.0.5'] })
  t.deepEqual(certificate.key.blob, raw.blob)
  t.is(certificate.criticalOptions.size, 0)
  return undefined
})

for (const names of [[], ['*'], ['a', 'b c'], ['a,b'], ['!a'], ['a\nb'], ['']]) {
  test(`S1 T27: no host certificate for ${JSON.stringify(names)}`, async (t) => {
    const minted = await mintHostCertificate({
      authority,
      hostKey: hostKey('a', 22),
      names,
      nowSeconds: NOW,
    })
    t.deepEqual(minted, { ok: false, error: { reason: 'bad_host' } } as never)
  })
}
