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
import { sealBase, setUpSender } from '#lib/seal/hpke-seal'

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

test('S9 T63: @hpke/core opens a sequence of ours in its order', async (t) => {
  const peer = new CipherSuite({
    kem: oracles.x25519(),
    kdf: new HkdfSha256(),
    aead: new Aes256Gcm(),
  })
  const pair = await peer.kem.generateKeyPair()
  const recipient = new Uint8Array(await peer.kem.serializePublicKey(pair.publicKey))
  const info = utf8('info')
  const sender = await setUpSender({ kem: 'x25519', aead: 'aes-256-gcm' }, { recipient, info })
  const opener = await peer.createRecipientContext({
    recipientKey: pair.privateKey,
    enc: bufferOf(sender.encapsulated),
    info: bufferOf(info),
  })
  for (let at = 0; at < 300; at++) {
    const plaintext = utf8(`message ${at}`)
    const sealed = sender.seal(plaintext, utf8('aad'))
    const opened = await opener.open(bufferOf(sealed), bufferOf(utf8('aad')))
    t.deepEqual(new Uint8Array(opened), plaintext)
  }
})

test('S9 T63: a sequence for ChaCha20-Poly1305 gives the octets of RFC 9180, appendix A.2.1', async (t) => {
  const secret = 'f4ec9b33b792c372c1d2c2063507b684ef925b8c75a42dbcbf57d63ccd381600'
  const privateKey = createPrivateKey({
    format: 'der',
    type: 'pkcs8',
    key: Buffer.concat([hex('302e020100300506032b656e04220420'), hex(secret)]),
  })
  const sender = await setUpSender(
    { kem: 'x25519', aead: 'chacha20-poly1305' },
    {
      recipient: hex('4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a'),
      info: utf8('Ode on a Grecian Urn'),
      ephemeral: { privateKey, publicKey: createPublicKey(privateKey) },
    },
  )
  const wanted = [
    '1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28',
    '6b53c051e4199c518de79594e1c4ab18b96f081549d45ce015be002090bb119e85285337cc95ba5f59992dc98c',
  ]
  for (const [at, octets] of wanted.entries()) {
    const sealed = sender.seal(utf8('Beauty is truth, truth beauty'), utf8(`Count-${at}`))
    t.is(Buffer.from(sealed).toString('hex'), octets)
  }
})
