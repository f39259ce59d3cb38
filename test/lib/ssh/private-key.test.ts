import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import test from 'ava'
import fc from 'fast-check'
import { printPrivateKey, readPrivateKey } from '#lib/ssh/private-key'
import { publicKeyBlob } from '#lib/ssh/public-key'
import { KeyFolder } from '../../support/ssh-keygen.ts'

const keys = new KeyFolder()
test.after.always(() => keys.remove())

const blobOf = (key: KeyObject) => publicKeyBlob(createPublicKey(key))

for (const [name, ...options] of [
  ['ed25519', '-t', 'ed25519'],
  ['p256', '-t', 'ecdsa', '-b', '256'],
  ['p384', '-t', 'ecdsa', '-b', '384'],
  ['p521', '-t', 'ecdsa', '-b', '521'],
  ['rsa', '-t', 'rsa', '-b', '2048'],
  ['rsa-pem', '-t', 'rsa', '-b', '2048', '-m', 'PEM'],
  ['p256-pkcs8', '-t', 'ecdsa', '-b', '256', '-m', 'PKCS8'],
] as const) {
  test(`S3: reads the private key that ssh-keygen writes: ${name}`, (t) => {
    const file = keys.makeKey(name, ...options)
    const read = readPrivateKey(readFileSync(file, 'utf8'))
    if (!read.ok) return t.fail(read.error.reason)
    return t.deepEqual(blobOf(read.value), keys.blob(`${name}.pub`))
  })
}

for (const [name, key] of [
  ['ed25519', generateKeyPairSync('ed25519').privateKey],
  ['P-256', generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey],
] as const) {
  test(`S2: ssh-keygen reads the private key that we write: ${name}`, (t) => {
    const text = printPrivateKey(key, 'a comment')
    const file = keys.write(`ours-${name}`, text)
    const line = keys.keygen('-y', '-f', file).trim()
    t.is(line.split(' ')[1], blobOf(key).toString('base64'))
    t.is(line.split(' ').slice(2).join(' '), 'a comment')
    const again = readPrivateKey(text)
    t.true(again.ok && again.value.equals(key))
  })
}

test('S3: a key with a passphrase is told apart, and nothing of it is read', (t) => {
  keys.keygen('-q', '-t', 'ed25519', '-N', 'secret', '-f', keys.file('locked'))
  const locked = readFileSync(keys.file('locked'), 'utf8')
  t.deepEqual(readPrivateKey(locked), { ok: false, error: { reason: 'encrypted_private_key' } })
})

test('S3: what is no private key is refused, and nothing throws', (t) => {
  const whole = printPrivateKey(generateKeyPairSync('ed25519').privateKey, '')
  const [begin = '', ...lines] = whole.trim().split('\n')
  const octets = Buffer.from(lines.slice(0, -1).join(''), 'base64')
  fc.assert(
    fc.property(fc.nat(octets.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const broken = Buffer.from(octets)
      broken[at] = (broken[at] ?? 0) ^ flip
      const text = [begin, broken.toString('base64'), lines.at(-1)].join('\n')
      // The comment and the padding prove nothing; everything else does.
      if (at < octets.length - 16) readPrivateKey(text)
      t.false(readPrivateKey(text.slice(0, at)).ok)
    }),
  )
  for (const text of [
    '',
    'x',
    `${begin}\n`,
    '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----',
  ]) {
    t.deepEqual(readPrivateKey(text), { ok: false, error: { reason: 'bad_private_key' } })
  }
  t.false(readPrivateKey('-----BEGIN '.repeat(8192)).ok)
})

test('S3: a private key under the public key of another is refused', (t) => {
  const [one, two] = [0, 1].map(() => generateKeyPairSync('ed25519').privateKey)
  if (one === undefined || two === undefined) return t.fail()
  const decode = (text: string) => Buffer.from(text.split('\n').slice(1, -2).join(''), 'base64')
  const swapped = decode(printPrivateKey(one, ''))
  swapped.set(blobOf(two), swapped.indexOf(blobOf(one)))
  const text = `-----BEGIN OPENSSH PRIVATE KEY-----\n${swapped.toString('base64')}\n-----END OPENSSH PRIVATE KEY-----`
  return t.deepEqual(readPrivateKey(text), { ok: false, error: { reason: 'bad_private_key' } })
})
