import { createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import test from 'ava'
import fc from 'fast-check'
import { certificateName, type KeyType, keyAlgorithm } from '#lib/ssh/key-algorithms'
import { fingerprint, parsePublicKey, publicKeyBlob } from '#lib/ssh/public-key'
import { parsePublicKeyLine, printPublicKeyLine } from '#lib/ssh/public-key-line'
import { writePositiveInteger, writeString } from '#lib/ssh/writer'
import { KeyFolder } from '../../support/ssh-keygen.ts'

const keys = new KeyFolder()
test.after.always(() => keys.remove())

const KINDS: readonly (readonly [KeyType, ...string[]])[] = [
  ['ssh-ed25519', '-t', 'ed25519'],
  ['ecdsa-sha2-nistp256', '-t', 'ecdsa', '-b', '256'],
  ['ecdsa-sha2-nistp384', '-t', 'ecdsa', '-b', '384'],
  ['ecdsa-sha2-nistp521', '-t', 'ecdsa', '-b', '521'],
  ['ssh-rsa', '-t', 'rsa', '-b', '2048'],
]
for (const [type, ...options] of KINDS) {
  test(`S1: a ${type} key made by ssh-keygen is read as ssh-keygen reads it`, (t) => {
    keys.makeKey(type, ...options)
    const line = readFileSync(keys.file(`${type}.pub`), 'utf8').trimEnd()
    const parsed = parsePublicKeyLine(line)
    t.true(parsed.ok)
    const blob = parsed.ok ? parsed.value.blob : Buffer.alloc(0)
    const key = parsePublicKey(blob)
    t.true(key.ok)
    if (!key.ok) return
    t.is(key.value.type, type)
    t.deepEqual(key.value.blob, blob)
    t.deepEqual(publicKeyBlob(key.value.key), blob)
    t.is(printPublicKeyLine(blob, type), line)
    t.true(keys.keygen('-l', '-f', keys.file(`${type}.pub`)).includes(fingerprint(blob)))
  })
}

const rsa = (e: number, n: Buffer) =>
  Buffer.concat([
    writeString('ssh-rsa'),
    writePositiveInteger(Buffer.of(e >>> 24, e >>> 16, e >>> 8, e)),
    writePositiveInteger(n),
  ])
const number = (bits: number) => Buffer.alloc(bits / 8, 0xff)
const ec = (curve: string, point: Buffer) =>
  Buffer.concat([writeString(`ecdsa-sha2-${curve}`), writeString(curve), writeString(point)])

const REFUSED: Readonly<Record<string, [Buffer, string]>> = {
  'DSA (T05)': [writeString('ssh-dss'), 'unsupported_key'],
  'a certificate where a key is wanted (T22)': [
    Buffer.concat([writeString(certificateName('ssh-ed25519')), writeString(Buffer.alloc(32, 1))]),
    'unsupported_key',
  ],
  'RSA of 1024 bits (T05)': [rsa(65537, number(1024)), 'weak_key'],
  'RSA of 2047 bits (T05)': [rsa(65537, Buffer.alloc(256, 0x7f)), 'weak_key'],
  'RSA of 8200 bits (T05)': [rsa(65537, number(8200)), 'oversized_key'],
  'RSA with exponent 1': [rsa(1, number(2048)), 'weak_key'],
  'RSA with an even exponent': [rsa(65536, number(2048)), 'weak_key'],
  'RSA with an exponent of 40 bits (T05)': [
    Buffer.concat([
      writeString('ssh-rsa'),
      writePositiveInteger(number(40)),
      writePositiveInteger(number(2048)),
    ]),
    'oversized_key',
  ],
  'Ed25519 of 31 octets (T25)': [
    Buffer.concat([writeString('ssh-ed25519'), writeString(Buffer.alloc(31, 1))]),
    'malformed_key',
  ],
  'a point that is not on its curve': [ec('nistp256', Buffer.alloc(65, 4)), 'malformed_key'],
  'a compressed point': [ec('nistp256', Buffer.alloc(33, 2)), 'malformed_key'],
  'the point at infinity': [ec('nistp256', Buffer.of(0)), 'malformed_key'],
  nothing: [Buffer.alloc(0), 'unsupported_key'],
}
for (const [name, [blob, reason]] of Object.entries(REFUSED)) {
  test(`S1 T05: refuses ${name}`, (t) => {
    t.deepEqual(parsePublicKey(blob), { ok: false, error: { reason } } as never)
  })
}

test('S1: octets after a key are refused', (t) => {
  keys.makeKey('plain', '-t', 'ed25519')
  const blob = keys.blob('plain.pub')
  t.true(parsePublicKey(blob).ok)
  t.false(parsePublicKey(Buffer.concat([blob, Buffer.of(0)])).ok)
})

test('S1: no SHA-1 and no DSA name has a meaning', (t) => {
  for (const name of ['ssh-rsa', 'ssh-dss', 'ssh-rsa-cert-v01@openssh.com', '__proto__', '']) {
    t.is(keyAlgorithm(name), undefined, name)
  }
  t.is(keyAlgorithm('rsa-sha2-512-cert-v01@openssh.com')?.blobType, 'ssh-rsa-cert-v01@openssh.com')
  t.is(keyAlgorithm('sk-ssh-ed25519-cert-v01@openssh.com')?.signature, 'sk-ssh-ed25519@openssh.com')
})

test('S1: parsing a key never throws', (t) => {
  const start = fc.constantFrom(...KINDS.map(([type]) => writeString(type)), Buffer.alloc(0))
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 200 }), (type, rest) => {
      t.is(typeof parsePublicKey(Buffer.concat([type, rest])).ok, 'boolean')
    }),
  )
})

test('S1: parsing a line never throws, and never takes a type that the blob does not say', (t) => {
  for (const line of [
    '',
    'ssh-ed25519',
    'ssh-ed25519 !!!!',
    'ssh-rsa AAAAC3NzaC1lZDI1NTE5',
    'a\nb c',
  ]) {
    t.false(parsePublicKeyLine(line).ok, line)
  }
  fc.assert(fc.property(fc.string(), (line) => t.is(typeof parsePublicKeyLine(line).ok, 'boolean')))
  t.throws(() => printPublicKeyLine(Buffer.alloc(0), 'a\nb'), { instanceOf: RangeError })
})

test('S1: the spki of a parsed key is the key of ssh-keygen', (t) => {
  keys.makeKey('spki', '-t', 'ecdsa', '-b', '256')
  const pem = keys.keygen('-e', '-m', 'PKCS8', '-f', keys.file('spki.pub'))
  const parsed = parsePublicKey(keys.blob('spki.pub'))
  t.true(parsed.ok && parsed.value.key.equals(createPublicKey(pem)))
})
