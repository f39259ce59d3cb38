import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import test from 'ava'
import fc from 'fast-check'
import { type Certificate, isCertificateBlob, parseCertificate } from '#lib/ssh/certificate'
import { checkCertificate } from '#lib/ssh/certificate-check'
import { type CertificateOrder, mintCertificate, randomSerial } from '#lib/ssh/certificate-mint'
import { parsePublicKey } from '#lib/ssh/public-key'
import { printPublicKeyLine } from '#lib/ssh/public-key-line'
import { SshReader } from '#lib/ssh/reader'
import { type SshSigner, signerFor, verifySignature } from '#lib/ssh/signature'
import { writeString } from '#lib/ssh/writer'
import { KeyFolder } from '../../support/ssh-keygen.ts'

const keys = new KeyFolder()
test.after.always(() => keys.remove())
keys.makeKey('ca', '-t', 'ed25519')
keys.makeKey('ca-rsa', '-t', 'rsa', '-b', '2048')
keys.makeKey('ca-ecdsa', '-t', 'ecdsa', '-b', '384')
keys.makeKey('user', '-t', 'ed25519')
keys.makeKey('user-rsa', '-t', 'rsa', '-b', '2048')
keys.makeKey('user-ecdsa', '-t', 'ecdsa', '-b', '521')

const NOW = Math.floor(Date.now() / 1000)
const OPENSSH = ['-I', 'alice@corp', '-n', 'demo,ops', '-z', '7', '-V', '-5m:+3m']

function certificateOf(blob: Buffer): Certificate {
  const parsed = parseCertificate(blob)
  if (!parsed.ok) throw new Error(parsed.error.reason)
  return parsed.value
}

for (const ca of ['ca', 'ca-rsa', 'ca-ecdsa']) {
  for (const subject of ['user', 'user-rsa', 'user-ecdsa']) {
    test.serial(`S2 T22: reads what ssh-keygen certifies: ${subject} by ${ca}`, (t) => {
      const hash = ca === 'ca-rsa' ? ['-t', 'rsa-sha2-256'] : []
      const options = [
        ...hash,
        ...OPENSSH,
        '-O',
        'source-address=127.0.0.0/8',
        '-O',
        'no-x11-forwarding',
      ]
      const certificate = certificateOf(keys.certify(ca, subject, ...options))
      t.is(certificate.kind, 'user')
      t.is(certificate.keyId, 'alice@corp')
      t.is(certificate.serial, 7n)
      t.deepEqual(certificate.principals, ['demo', 'ops'])
      t.deepEqual(certificate.key.blob, keys.blob(`${subject}.pub`))
      t.deepEqual(certificate.authority.blob, keys.blob(`${ca}.pub`))
      t.deepEqual([...certificate.criticalOptions.keys()], ['source-address'])
      t.false(certificate.extensions.has('permit-X11-forwarding'))
      t.true(certificate.extensions.has('permit-pty'))
    })
  }
}

test.serial('S2 T22: a SHA-1 signature of an RSA authority is refused', (t) => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const sha1 = (name: string): SshSigner => ({
    ...signerFor(privateKey),
    sign: (data) => Buffer.concat([writeString(name), writeString(sign('sha1', data, privateKey))]),
  })
  for (const name of ['ssh-rsa', 'rsa-sha2-256', 'rsa-sha2-512']) {
    const blob = mintCertificate(order({ authority: sha1(name) }))
    t.deepEqual(parseCertificate(blob), {
      ok: false,
      error: { reason: 'bad_authority_signature' },
    } as never)
  }
})

test.serial('S2 T22: every flipped bit of every octet is refused', (t) => {
  const blob = keys.certify('ca', 'user', ...OPENSSH)
  t.true(parseCertificate(blob).ok)
  for (let index = 0; index < blob.length; index++) {
    const changed = Buffer.from(blob)
    changed[index] = (changed[index] ?? 0) ^ (1 << (index % 8))
    t.false(parseCertificate(changed).ok, `octet ${index}`)
  }
  for (let length = 0; length < blob.length; length++) {
    t.false(parseCertificate(blob.subarray(0, length)).ok, `cut to ${length}`)
  }
})

function order(change: Partial<CertificateOrder> = {}): CertificateOrder {
  return {
    subject: keys.blob('user.pub'),
    authority: AUTHORITY,
    kind: 'user',
    keyId: 'zt:alice@example.com:s1',
    principals: ['demo'],
    validAfterSeconds: NOW - 300,
    validBeforeSeconds: NOW + 180,
    serial: randomSerial(),
    ...change,
  }
}
const AUTHORITY = signerFor(generateKeyPairSync('ed25519').privateKey)
const use = {
  kind: 'user',
  authorities: [AUTHORITY.blob],
  principal: 'demo',
  nowSeconds: NOW,
} as const

const KINDS: Readonly<Record<string, KeyObject>> = {
  ed25519: generateKeyPairSync('ed25519').privateKey,
  'P-256': generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  'P-384': generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey,
  'P-521': generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey,
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
}
for (const [name, key] of Object.entries(KINDS)) {
  test.serial(`S2: ssh-keygen reads what a ${name} authority certifies here`, (t) => {
    const authority = signerFor(key)
    const blob = mintCertificate(
      order({
        authority,
        principals: ['demo', 'ops'],
        serial: 99n,
        criticalOptions: { 'source-address': '127.0.0.1/32', 'force-command': 'id -u' },
        extensions: ['permit-pty', 'permit-port-forwarding'],
      }),
    )
    const said = keys.describe(printPublicKeyLine(blob))
    t.regex(said, /user certificate/)
    t.regex(said, /Key ID: "zt:alice@example.com:s1"\s+Serial: 99/)
    t.regex(said, /Principals:\s+demo\s+ops\s+Critical/)
    t.regex(
      said,
      /force-command id -u\s+source-address 127\.0\.0\.1\/32\s+Extensions:\s+permit-port-forwarding\s+permit-pty/,
    )
    t.deepEqual(certificateOf(blob).authority.blob, authority.blob)
  })
}

test('S2 T22: a good certificate passes and tells its demands', (t) => {
  t.deepEqual(checkCertificate(certificateOf(mintCertificate(order())), use), {
    ok: true,
    value: { verifyRequired: false },
  })
  const bound = order({
    criticalOptions: { 'force-command': 'id', 'source-address': '10.0.0.0/8,::1' },
  })
  t.deepEqual(
    checkCertificate(certificateOf(mintCertificate(bound)), { ...use, sourceAddress: '::1' }),
    {
      ok: true,
      value: { verifyRequired: false, forceCommand: 'id' },
    },
  )
})

const other = signerFor(generateKeyPairSync('ed25519').privateKey).blob
const REFUSED: Readonly<
  Record<string, [Partial<CertificateOrder>, Partial<typeof use> | object, string]>
> = {
  'a host certificate for a user': [{ kind: 'host' }, {}, 'wrong_certificate_kind'],
  'a user certificate for a host': [{}, { kind: 'host' }, 'wrong_certificate_kind'],
  'an authority that is not trusted': [{}, { authorities: [other] }, 'unknown_authority'],
  'no authority at all': [{}, { authorities: [] }, 'unknown_authority'],
  'a certificate from the future': [{}, { nowSeconds: NOW - 301 }, 'certificate_not_yet_valid'],
  'the second at which it ends': [{}, { nowSeconds: NOW + 180 }, 'certificate_expired'],
  'another principal': [{}, { principal: 'root' }, 'principal_mismatch'],
  'a principal in other case': [{}, { principal: 'Demo' }, 'principal_mismatch'],
  'a prefix of a principal': [{}, { principal: 'dem' }, 'principal_mismatch'],
  'an unknown critical option': [{ criticalOptions: { 'x@y': '' } }, {}, 'unknown_critical_option'],
  'any critical option on a host': [
    { kind: 'host', criticalOptions: { 'force-command': 'id' } },
    { kind: 'host' },
    'unknown_critical_option',
  ],
  'another source address': [
    { criticalOptions: { 'source-address': '10.0.0.0/8' } },
    { sourceAddress: '192.0.2.1' },
    'source_address_refused',
  ],
  'a bound address that nobody told': [
    { criticalOptions: { 'source-address': '10.0.0.0/8' } },
    {},
    'source_address_refused',
  ],
  'a malformed entry beside a matching one': [
    { criticalOptions: { 'source-address': '10.0.0.0/8,0x7f.1' } },
    { sourceAddress: '10.1.1.1' },
    'source_address_refused',
  ],
}
for (const [name, [change, used, reason]] of Object.entries(REFUSED)) {
  test(`S2 T22: refuses ${name}`, (t) => {
    const certificate = certificateOf(mintCertificate(order(change)))
    t.deepEqual(checkCertificate(certificate, { ...use, ...used }), {
      ok: false,
      error: { reason },
    } as never)
  })
}

test.serial('S2 T22: an empty list of principals, as ssh-keygen makes it, is refused', (t) => {
  const certificate = certificateOf(keys.certify('ca', 'user', '-I', 'x', '-V', '-5m:+3m'))
  t.deepEqual(certificate.principals, [])
  const ca = keys.blob('ca.pub')
  t.deepEqual(checkCertificate(certificate, { ...use, authorities: [ca] }), {
    ok: false,
    error: { reason: 'no_principals' },
  })
  t.throws(() => mintCertificate(order({ principals: [] })), { instanceOf: RangeError })
})

test('S2 T22: a certificate as signature key, or as authority, is refused', (t) => {
  const inner = mintCertificate(order())
  t.true(isCertificateBlob(inner))
  t.false(parsePublicKey(inner).ok)
  const nested = mintCertificate(order({ authority: { ...AUTHORITY, blob: inner } }))
  t.deepEqual(parseCertificate(nested), {
    ok: false,
    error: { reason: 'bad_authority_key' },
  } as never)
})

/** `ssh-keygen -Y sign`: the signature blob inside, and the data that it is over (OpenSSH PROTOCOL.sshsig). */
function sshsig(name: string, message: string) {
  keys.keygen(
    '-q',
    '-Y',
    'sign',
    '-n',
    'test',
    '-f',
    keys.file(name),
    keys.write(`message-${name}`, message),
  )
  const armoured = readFileSync(keys.file(`message-${name}.sig`), 'utf8').replaceAll(
    /-----.*-----|\n/g,
    '',
  )
  const reader = new SshReader(Buffer.from(armoured, 'base64').subarray('SSHSIG'.length + 4))
  reader.string() // public key
  const [namespace, reserved, hash, signature] = [0, 1, 2, 3].map(() => reader.string())
  const digest = createHash(String(hash)).update(message).digest()
  const fields = [namespace, reserved, hash, digest].map((field) => writeString(field ?? ''))
  return { signature: signature ?? digest, data: Buffer.concat([Buffer.from('SSHSIG'), ...fields]) }
}

for (const name of ['user', 'user-rsa', 'user-ecdsa']) {
  test.serial(
    `S1: what ssh-keygen -Y signs by ${name} verifies, and no flipped octet of it`,
    (t) => {
      const key = parsePublicKey(keys.blob(`${name}.pub`))
      if (!key.ok) return t.fail(key.error.reason)
      const { signature, data } = sshsig(name, 'hello')
      t.true(verifySignature(key.value, signature, data).ok)
      for (let index = 0; index < signature.length; index++) {
        const changed = Buffer.from(signature)
        changed[index] = (changed[index] ?? 0) ^ (1 << (index % 8))
        t.false(verifySignature(key.value, changed, data).ok, `octet ${index}`)
      }
      return undefined
    },
  )
}

for (const [name, key] of Object.entries(KINDS)) {
  test(`S2: a signature by ${name} is for its data, its key and its name only`, (t) => {
    const signer = signerFor(key)
    const parsed = parsePublicKey(signer.blob)
    if (!parsed.ok) return t.fail(parsed.error.reason)
    const data = Buffer.from('data')
    const blob = signer.sign(data)
    t.true(verifySignature(parsed.value, blob, data, signer.algorithm).ok)
    t.false(verifySignature(parsed.value, blob, Buffer.from('date')).ok)
    t.false(verifySignature(parsed.value, blob, data, 'rsa-sha2-256').ok)
    t.false(verifySignature(parsed.value, AUTHORITY.sign(data), data).ok)
    t.false(verifySignature(parsed.value, Buffer.concat([blob, Buffer.of(0)]), data).ok)
    return undefined
  })
}

test('S2: parsing a certificate never throws', (t) => {
  const blob = mintCertificate(order())
  const edits = fc.array(fc.tuple(fc.nat(blob.length - 1), fc.nat(255)), {
    minLength: 1,
    maxLength: 6,
  })
  fc.assert(
    fc.property(edits, fc.uint8Array({ maxLength: 40 }), (changes, tail) => {
      const changed = Buffer.concat([blob, tail])
      for (const [index, value] of changes) changed[index] = value
      t.is(typeof parseCertificate(changed).ok, 'boolean')
    }),
  )
})
