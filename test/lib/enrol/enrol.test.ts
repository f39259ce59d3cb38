import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import test from 'ava'
import fc from 'fast-check'
import { decodeDeviceAuthorizationRequest, decodeRenewRequest } from '#lib/api/enrol-api'
import { keySha256, keyWords } from '#lib/enrol/key-words'
import { checkRenewalProof, signRenewalProof } from '#lib/enrol/renewal-proof'
import { WORDS } from '#lib/enrol/word-list'

/** A fixed key, so that a change of list or derivation shows. */
const SPKI = createPublicKey({
  key: {
    kty: 'EC',
    crv: 'P-256',
    x: 'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4',
    y: '4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM',
  },
  format: 'jwk',
}).export({ type: 'spki', format: 'der' })

test('key words: 256 distinct plain words', (t) => {
  t.is(new Set(WORDS).size, 256)
  t.true(WORDS.every((word) => /^[a-z]{4,6}$/.test(word)))
})

test('key words: stay the same for the key of RFC 7517 appendix A.1', (t) => {
  t.is(keyWords(SPKI), 'quiet poem jungle beard')
  t.is(keySha256(SPKI).length, 64)
})

const body = { csr: 'x', device_name: 'laptop' }
const refusedBodies = {
  'no csr': { device_name: 'laptop' },
  'an unknown key (T92)': { ...body, admin: true },
  'an empty name': { ...body, device_name: '' },
  'a name of 65 characters (T123)': { ...body, device_name: 'x'.repeat(65) },
  'a csr above the limit (T123)': { ...body, csr: 'x'.repeat(4097) },
  'an array': [body],
  null: null,
}
for (const [title, value] of Object.entries(refusedBodies)) {
  test(`D7 enrol api: refuses a device authorization with ${title}`, (t) => {
    t.false(decodeDeviceAuthorizationRequest(value).ok)
  })
}

test('D7 enrol api: decoders never throw and quote no value', (t) => {
  const holds = fc.property(fc.jsonValue(), (value) => {
    const decoded = decodeRenewRequest(value)
    return !decoded.ok && decoded.error.detail.length < 200
  })
  t.notThrows(() => fc.assert(holds))
})

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const claims = { csrPem: 'csr', audience: 'https://gw.example', nowSeconds: 1_700_000_000 }

test('D7 renewal proof: what the key signed is accepted', async (t) => {
  const proof = await signRenewalProof(privateKey, claims)
  t.true((await checkRenewalProof(proof, publicKey, claims)).ok)
})

const other = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const wrong = {
  'another CSR': { csrPem: 'other' },
  'another gateway': { audience: 'https://evil.example' },
  'a time far ahead': { nowSeconds: claims.nowSeconds + 1300 },
  'a time far back': { nowSeconds: claims.nowSeconds - 700 },
}
for (const [title, change] of Object.entries(wrong)) {
  test(`D7 renewal proof: refuses ${title}`, async (t) => {
    const proof = await signRenewalProof(privateKey, claims)
    t.false((await checkRenewalProof(proof, publicKey, { ...claims, ...change })).ok)
  })
}

test('D7 T90 renewal proof: refuses another key and noise', async (t) => {
  const proof = await signRenewalProof(other.privateKey, claims)
  t.false((await checkRenewalProof(proof, publicKey, claims)).ok)
  t.false((await checkRenewalProof('e30.e30.', publicKey, claims)).ok)
  t.false((await checkRenewalProof('', publicKey, claims)).ok)
})
