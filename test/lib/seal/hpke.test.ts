import { createPrivateKey, createPublicKey, type JsonWebKeyInput } from 'node:crypto'
import { readFileSync } from 'node:fs'
import {
  Aes256Gcm,
  CipherSuite,
  DhkemP256HkdfSha256,
  DhkemX25519HkdfSha256,
  HkdfSha256,
} from '@hpke/core'
import test from 'ava'
import { toBase64url, utf8 } from '#lib/seal/bytes'
import { agreementOf, openBase } from '#lib/seal/hpke-open'
import type { Kem, Suite } from '#lib/seal/hpke-schedule'
import { sealBase } from '#lib/seal/hpke-seal'

type Vector = {
  source: string
  kem: number
  aead: number
  info: string
  skRm: string
  pkRm: string
  skEm: string
  pkEm: string
  enc: string
  aad: string
  pt: string
  ct: string
}
const vectors: Vector[] = JSON.parse(readFileSync('test/vectors/hpke-rfc9180.json', 'utf8'))
/** A copy: small Buffers share one pool. */
const bufferOf = (bytes: Uint8Array) => Uint8Array.from(bytes).buffer
const hex = (text: string) => Buffer.from(text, 'hex')

function jwkOf(kem: Kem, secret: string, point: string): JsonWebKeyInput['key'] {
  const d = toBase64url(hex(secret))
  const octets = hex(point)
  return kem === 'x25519'
    ? { kty: 'OKP', crv: 'X25519', d, x: toBase64url(octets) }
    : {
        kty: 'EC',
        crv: 'P-256',
        d,
        x: toBase64url(octets.subarray(1, 33)),
        y: toBase64url(octets.subarray(33)),
      }
}

const suiteOf = (vector: Vector): Suite => ({
  kem: vector.kem === 0x20 ? 'x25519' : 'p256',
  aead: vector.aead === 1 ? 'aes-128-gcm' : 'aes-256-gcm',
})

for (const vector of vectors) {
  test(`S9 T63: sealing gives the octets of ${vector.source}`, async (t) => {
    const suite = suiteOf(vector)
    const key = jwkOf(suite.kem, vector.skEm, vector.pkEm)
    const privateKey = createPrivateKey({ format: 'jwk', key })
    const message = await sealBase(suite, {
      recipient: hex(vector.pkRm),
      info: hex(vector.info),
      aad: hex(vector.aad),
      plaintext: hex(vector.pt),
      ephemeral: { privateKey, publicKey: createPublicKey({ format: 'jwk', key }) },
    })
    t.deepEqual(Buffer.from(message.encapsulated), hex(vector.enc))
    t.deepEqual(Buffer.from(message.ciphertext), hex(vector.ct))
  })

  test(`S9 T63: opening reads ${vector.source}`, async (t) => {
    const suite = suiteOf(vector)
    const jwk = jwkOf(suite.kem, vector.skRm, vector.pkRm)
    const privateKey = await crypto.subtle.importKey('jwk', jwk, agreementOf(suite.kem), false, [
      'deriveBits',
    ])
    const message = { encapsulated: hex(vector.enc), ciphertext: hex(vector.ct) }
    const recipient = { privateKey, publicKey: hex(vector.pkRm) }
    const opened = await openBase(suite, recipient, message, hex(vector.info), hex(vector.aad))
    t.deepEqual(opened && Buffer.from(opened), hex(vector.pt))
  })
}

const oracles = {
  x25519: () => new DhkemX25519HkdfSha256(),
  p256: () => new DhkemP256HkdfSha256(),
} as const
for (const kem of ['x25519', 'p256'] as const) {
  const oracle = () =>
    new CipherSuite({ kem: oracles[kem](), kdf: new HkdfSha256(), aead: new Aes256Gcm() })
  const suite = { kem, aead: 'aes-256-gcm' } as const
  const [info, aad, plaintext] = [
    utf8('info'),
    utf8('aad'),
    utf8('thirty-two octets of a file key'),
  ]

  test(`S9 T63: @hpke/core opens what we seal to ${kem}`, async (t) => {
    const peer = oracle()
    const pair = await peer.kem.generateKeyPair()
    const recipient = new Uint8Array(await peer.kem.serializePublicKey(pair.publicKey))
    const { encapsulated, ciphertext } = await sealBase(suite, { recipient, info, aad, plaintext })
    const opened = await peer.open(
      {
        recipientKey: pair.privateKey,
        enc: bufferOf(encapsulated),
        info: bufferOf(info),
      },
      bufferOf(ciphertext),
      bufferOf(aad),
    )
    t.deepEqual(new Uint8Array(opened), plaintext)
  })

  test(`S9 T63: we open what @hpke/core seals to ${kem}, and nothing that was changed`, async (t) => {
    const peer = oracle()
    const pair = await peer.kem.generateKeyPair()
    const publicKey = new Uint8Array(await peer.kem.serializePublicKey(pair.publicKey))
    const sealed = await peer.seal(
      { recipientPublicKey: pair.publicKey, info: bufferOf(info) },
      bufferOf(plaintext),
      bufferOf(aad),
    )
    const message = {
      encapsulated: new Uint8Array(sealed.enc),
      ciphertext: new Uint8Array(sealed.ct),
    }
    const recipient = { privateKey: pair.privateKey, publicKey }
    t.deepEqual(await openBase(suite, recipient, message, info, aad), plaintext)
    t.is(await openBase(suite, recipient, message, info, utf8('other')), undefined)
    t.is(await openBase(suite, recipient, message, utf8('other'), aad), undefined)
    const cut = { ...message, encapsulated: message.encapsulated.subarray(1) }
    t.is(await openBase(suite, recipient, cut, info, aad), undefined)
  })
}
