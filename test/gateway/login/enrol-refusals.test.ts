import 'reflect-metadata'
import { generateKeyPairSync, webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import test from 'ava'
import { certificateRequest, generateDeviceKey } from '../../../daemon/enrol/device-key.ts'
import { beginEnrolment, postJson, startLoginRig } from '../../support/login-rig.ts'

const PATH = '/enrol/device_authorization'

/** A request for a key of another kind, signed properly. */
async function requestFor(algorithm: EcKeyGenParams | RsaHashedKeyGenParams): Promise<string> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const signingAlgorithm = { ...algorithm, hash: 'SHA-256' } as EcdsaParams
  const request = await x509.Pkcs10CertificateRequestGenerator.create(
    { name: 'CN=x', keys: keys as CryptoKeyPair, signingAlgorithm },
    webcrypto as Crypto,
  )
  return request.toString('pem')
}
type RsaHashedKeyGenParams = webcrypto.RsaHashedKeyGenParams

/** The same request with one octet of the signature changed. */
async function tampered(): Promise<string> {
  const pem = await certificateRequest(generateDeviceKey())
  const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64')
  const last = der.length - 1
  der[last] = (der[last] ?? 0) ^ 1
  return x509.PemConverter.encode(der, 'CERTIFICATE REQUEST')
}

const RSA = {
  name: 'RSASSA-PKCS1-v1_5',
  modulusLength: 2048,
  publicExponent: Uint8Array.of(1, 0, 1),
  hash: 'SHA-256',
}
const badRequests = {
  'text that is no PEM': [async () => 'hello', 'bad_csr'],
  'PEM that is no request': [
    async () => x509.PemConverter.encode(Buffer.from('hello'), 'CERTIFICATE REQUEST'),
    'bad_csr',
  ],
  'a public key in place of a request': [
    async () =>
      generateKeyPairSync('ec', { namedCurve: 'P-256' })
        .publicKey.export({ type: 'spki', format: 'pem' })
        .toString(),
    'bad_csr',
  ],
  'a signature with one bit changed': [tampered, 'bad_csr'],
  'a P-384 key': [() => requestFor({ name: 'ECDSA', namedCurve: 'P-384' }), 'bad_key_type'],
  'an RSA key': [() => requestFor(RSA), 'bad_key_type'],
} as const
for (const [title, [make, reason]] of Object.entries(badRequests)) {
  test(`D7: refuses ${title}`, async (t) => {
    const rig = await startLoginRig(t)
    const answer = await rig.post(PATH, { csr: await make(), device_name: 'laptop' })
    t.is(answer.status, 400)
    t.is(answer.body['error'], reason)
  })
}

const badNames = {
  'a line break': 'a\nb',
  'an escape sequence': '\u001b[2J',
  'a right-to-left override': 'laptop\u202egnp.exe',
  'a zero-width joiner': 'lap\u200dtop',
  'nothing but spaces': '   ',
}
for (const [title, name] of Object.entries(badNames)) {
  test(`D7 T93: refuses a device name with ${title}`, async (t) => {
    const { answer } = await beginEnrolment(await startLoginRig(t), { name })
    t.is(answer.body['error'], 'bad_device_name')
  })
}

const csr = 'x'
const badBodies = {
  'an unknown key (T92)': [{ csr, device_name: 'laptop', device_id: 'x' }, 400],
  'a missing key': [{ csr }, 400],
  'a list': [[], 400],
  'no JSON': ['{', 400],
  nothing: ['', 400],
  'a prototype': ['{"csr":"x","device_name":"x","__proto__":{"a":1}}', 400],
  'more than 16 KiB (T123)': [{ csr: 'x'.repeat(17_000), device_name: 'laptop' }, 413],
} as const
for (const [title, [body, status]] of Object.entries(badBodies)) {
  test(`D7: refuses a body with ${title}`, async (t) => {
    const rig = await startLoginRig(t)
    for (const path of [PATH, '/enrol/token', '/enrol/renew']) {
      const answer = await rig.post(path, body)
      t.is(answer.status, status)
      t.is(answer.body['error'], 'invalid_request')
    }
  })
}

test('D7: refuses a body that is not called JSON', async (t) => {
  const rig = await startLoginRig(t)
  for (const type of ['text/plain', 'application/x-www-form-urlencoded']) {
    const answer = await rig.post(PATH, '{}', { headers: { 'content-type': type } })
    t.is(answer.status, 415)
  }
})

test('T122: each source has its share of new codes, and all together have a limit', async (t) => {
  const begin = { perSource: 2, global: 3, windowSeconds: 60 }
  const rig = await startLoginRig(t, { limits: { begin } })
  const from = async (localAddress: string) => {
    const { status, body } = (await beginEnrolment(rig, { localAddress })).answer
    return status === 200 ? 200 : `${status} ${body['error']}`
  }
  t.is(await from('127.0.0.1'), 200)
  t.is(await from('127.0.0.1'), 200)
  t.is(await from('127.0.0.1'), '429 too_many_requests')
  t.is(await from('127.0.0.2'), 200)
  t.is(await from('127.0.0.3'), '429 too_many_requests')
})

test('T122: a caller above its share is refused before its body is looked at', async (t) => {
  const none = { perSource: 0, global: 0, windowSeconds: 60 }
  const rig = await startLoginRig(t, { limits: { begin: none, poll: none, renew: none } })
  for (const path of [PATH, '/enrol/token', '/enrol/renew']) {
    t.is((await rig.post(path, '{')).status, 429)
  }
})

test('T80: answers only under its own name', async (t) => {
  const rig = await startLoginRig(t)
  const names = [
    'evil.example',
    rig.url.hostname,
    `${rig.url.host}.`,
    `evil.example:${rig.url.port}`,
  ]
  for (const host of names) {
    const url = new URL(PATH, rig.url)
    const answer = await postJson(url, {}, rig.gatewayCa.certificatePem, { headers: { host } })
    t.is(answer.status, 421)
  }
})

test('unknown paths and methods are refused', async (t) => {
  const rig = await startLoginRig(t)
  t.is((await rig.post('/enrol', {})).status, 404)
  t.is((await rig.browser().open(new URL('/enrol/token', rig.url).href)).status, 404)
  t.is((await rig.browser().open(new URL('/api/v1/devices', rig.url).href)).status, 404)
})
