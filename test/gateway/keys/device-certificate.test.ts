import { createHash, randomUUID, X509Certificate } from 'node:crypto'
import test from 'ava'
import fc from 'fast-check'
import { createAuthority } from '../../../gateway/keys/certificate.ts'
import { issueDeviceCertificate } from '../../../gateway/keys/device-certificate.ts'
import { type DeviceKey, readDeviceRequest } from '../../../gateway/keys/device-request.ts'
import { opensslRequest, P256_KEY } from '../../support/device-request.ts'

const NOW_MS = Date.UTC(2030, 0, 1)
const HOUR_MS = 3_600_000
const authority = (lifetimeMs = 365 * 24 * HOUR_MS, nowMs = NOW_MS) =>
  createAuthority({ commonName: 'Test device CA', nowMs, lifetimeMs })

async function deviceKey(csr = opensslRequest(...P256_KEY)): Promise<DeviceKey> {
  const read = await readDeviceRequest(csr)
  if (!read.ok) throw new Error(read.error.reason)
  return read.value
}

test('D7 T90: a device certificate names the device, serves clients only and lives 24 hours', async (t) => {
  const ca = await authority()
  const key = await deviceKey()
  const id = randomUUID()
  const issued = await issueDeviceCertificate(ca, key, id, NOW_MS)
  const leaf = new X509Certificate(issued.certificatePem)
  t.is(leaf.subjectAltName, `URI:urn:zt:device:${id}`)
  t.deepEqual(leaf.keyUsage, ['1.3.6.1.5.5.7.3.2'])
  t.false(leaf.ca)
  t.true(leaf.verify(new X509Certificate(ca.certificatePem).publicKey))
  t.true(leaf.publicKey.equals(key.publicKey))
  t.is(issued.notAfterMs, NOW_MS + 24 * HOUR_MS)
  t.is(Date.parse(leaf.validTo), issued.notAfterMs)
  t.regex(leaf.serialNumber, /^[4-7][0-9A-F]{31}$/)
})

test('two certificates of one device have different serial numbers', async (t) => {
  const ca = await authority()
  const key = await deviceKey()
  const id = randomUUID()
  const one = await issueDeviceCertificate(ca, key, id, NOW_MS)
  const two = await issueDeviceCertificate(ca, key, id, NOW_MS)
  const serial = (pem: string) => new X509Certificate(pem).serialNumber
  t.not(serial(one.certificatePem), serial(two.certificatePem))
})

test('T90: nothing is copied from the request but the key', async (t) => {
  const csr = opensslRequest(
    ...P256_KEY,
    '-subj',
    '/CN=admin/O=Evil',
    '-addext',
    'basicConstraints=critical,CA:TRUE',
    '-addext',
    'subjectAltName=URI:urn:zt:device:00000000-0000-0000-0000-000000000000,DNS:gw.example.com',
    '-addext',
    'extendedKeyUsage=serverAuth',
  )
  const id = randomUUID()
  const issued = await issueDeviceCertificate(await authority(), await deviceKey(csr), id, NOW_MS)
  const leaf = new X509Certificate(issued.certificatePem)
  t.is(leaf.subject, `CN=${id}`)
  t.is(leaf.subjectAltName, `URI:urn:zt:device:${id}`)
  t.deepEqual(leaf.keyUsage, ['1.3.6.1.5.5.7.3.2'])
  t.false(leaf.ca)
})

test('refuses to hand out a certificate that outlives its authority', async (t) => {
  const ca = await authority(HOUR_MS)
  const key = await deviceKey()
  await t.throwsAsync(issueDeviceCertificate(ca, key, randomUUID(), NOW_MS), {
    message: /authority expired/,
  })
})

const ID = 'b7e2b3a0-6f1d-4a56-8c1e-0123456789ab'
for (const id of ['', 'x', `${ID}\n`, ID.toUpperCase()]) {
  test(`refuses the device id ${JSON.stringify(id)}`, async (t) => {
    const ca = await authority()
    const key = await deviceKey()
    await t.throwsAsync(issueDeviceCertificate(ca, key, id, NOW_MS), { message: /UUID/ })
  })
}

test('the digest of a key is that of its SubjectPublicKeyInfo', async (t) => {
  const { publicKey, keySha256 } = await deviceKey()
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  t.is(keySha256, createHash('sha256').update(spki).digest('hex'))
})

const wrongKeys = {
  'an RSA key': ['-newkey', 'rsa:2048'],
  'a P-384 key': ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:secp384r1'],
  'a secp256k1 key': ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:secp256k1'],
  'an Ed25519 key': ['-newkey', 'ed25519'],
}
for (const [what, args] of Object.entries(wrongKeys)) {
  test(`a request with ${what} is refused`, async (t) => {
    const read = await readDeviceRequest(opensslRequest(...args))
    t.deepEqual(read, { ok: false, error: { reason: 'bad_key_type' } })
  })
}

function der(pem: string): Buffer {
  return Buffer.from(pem.replace(/-----[A-Z ]+-----/g, ''), 'base64')
}

function pem(bytes: Uint8Array, label = 'CERTIFICATE REQUEST'): string {
  const base64 = Buffer.from(bytes).toString('base64')
  return `-----BEGIN ${label}-----\n${base64}\n-----END ${label}-----\n`
}

const csr = opensslRequest(...P256_KEY)
const garbage: Record<string, string> = {
  'no text': '',
  'no PEM': 'hello',
  'two requests': csr + csr,
  'another label': pem(der(csr), 'CERTIFICATE'),
  'text before it': `x${csr}`,
  'an empty body': pem(new Uint8Array()),
  'a body above the limit': pem(new Uint8Array(5000)),
  'half of it': pem(der(csr).subarray(0, 100)),
}
for (const [what, text] of Object.entries(garbage)) {
  test(`a request that is ${what} is refused`, async (t) => {
    t.deepEqual(await readDeviceRequest(text), { ok: false, error: { reason: 'bad_csr' } })
  })
}

test('T90: a request that another key signed is refused', async (t) => {
  const spkiOf = (key: DeviceKey) => key.publicKey.export({ type: 'spki', format: 'der' })
  const mine = spkiOf(await deviceKey(csr))
  const forged = der(opensslRequest(...P256_KEY))
  const theirs = spkiOf(await deviceKey(pem(forged)))
  mine.copy(forged, forged.indexOf(theirs))
  t.deepEqual(await readDeviceRequest(pem(forged)), { ok: false, error: { reason: 'bad_csr' } })
})

test('a request with any octet changed never throws, and never yields the key of another', async (t) => {
  const bytes = der(csr)
  const original = await deviceKey(csr)
  const property = fc.asyncProperty(
    fc.nat(bytes.length - 1),
    fc.integer({ min: 1, max: 255 }),
    async (at, flip) => {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ flip
      const read = await readDeviceRequest(pem(changed))
      return !read.ok || read.value.keySha256 === original.keySha256
    },
  )
  await t.notThrowsAsync(fc.assert(property, { numRuns: process.env['ZT_FULL'] ? 5000 : 150 }))
})
