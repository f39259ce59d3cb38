/** The hybrid key exchange, by our two roles and by a peer put together from its parts. */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
} from 'node:crypto'
import { readFileSync } from 'node:fs'
import { ml_kem768 } from '@noble/post-quantum/ml-kem.js'
import test from 'ava'
import fc from 'fast-check'
import { signerFor } from '#lib/ssh/signature'
import { writeString } from '#lib/ssh/writer'
import {
  CLIENT_ALGORITHMS,
  SERVER_ALGORITHMS,
} from '../../../../gateway/ssh/transport/algorithms.ts'
import { mlkem768x25519 as hybrid } from '../../../../gateway/ssh/transport/hybrid-key-exchange.ts'
import { beginX25519 } from '../../../../gateway/ssh/transport/x25519.ts'
import { joinPair } from '../../../support/transport-socket.ts'

const EK = 1184
const CT = 1088

const kOf = (first: Uint8Array, second: Uint8Array) =>
  writeString(createHash('sha256').update(first).update(second).digest())

test('S1 T13: a peer made of ML-KEM and X25519 comes to the secret of our server', (t) => {
  const quantum = ml_kem768.keygen()
  const classic = beginX25519()
  const answer = hybrid.answer(Buffer.concat([quantum.publicKey, classic.publicValue]))
  if (answer === undefined) return t.fail('refused')
  t.is(answer.publicValue.length, CT + 32)
  const first = ml_kem768.decapsulate(answer.publicValue.subarray(0, CT), quantum.secretKey)
  const second = classic.agree(answer.publicValue.subarray(CT)) ?? Buffer.alloc(0)
  t.deepEqual(answer.secret, kOf(first, second))
})

test('S1 T13: our client comes to the secret of a peer made of ML-KEM and X25519', (t) => {
  const ours = hybrid.begin()
  t.is(ours.publicValue.length, EK + 32)
  const quantum = ml_kem768.encapsulate(ours.publicValue.subarray(0, EK))
  const classic = beginX25519()
  const second = classic.agree(ours.publicValue.subarray(EK)) ?? Buffer.alloc(0)
  const secret = ours.agree(Buffer.concat([quantum.cipherText, classic.publicValue]))
  t.deepEqual(secret, kOf(quantum.sharedSecret, second))
})

const valid = Buffer.concat([ml_kem768.keygen().publicKey, beginX25519().publicValue])
const unreduced = Buffer.from(valid).fill(0xff, 0, 3)
const badValues: Readonly<Record<string, Buffer>> = {
  empty: Buffer.alloc(0),
  'one octet short': valid.subarray(0, -1),
  'one octet long': Buffer.concat([valid, Buffer.of(0)]),
  'a classic value alone': beginX25519().publicValue,
  'an encapsulation key alone': valid.subarray(0, EK),
  'a classic value of low order': Buffer.concat([valid.subarray(0, EK), Buffer.alloc(32)]),
  'an encapsulation key that is not reduced': unreduced,
}

for (const [title, value] of Object.entries(badValues)) {
  test(`S1 T04: our server refuses ${title}`, (t) => {
    t.is(hybrid.answer(value), undefined)
  })
}

test('S1 T04: our client refuses values of another length and of low order', (t) => {
  const ours = hybrid.begin()
  const good = hybrid.answer(ours.publicValue)?.publicValue ?? Buffer.alloc(0)
  const lengths = [good.subarray(1), Buffer.concat([good, good]), good.subarray(0, CT), valid]
  for (const value of [...lengths, Buffer.concat([good.subarray(0, CT), Buffer.alloc(32)])]) {
    t.is(ours.agree(value), undefined)
  }
})

test('S1 T04: a ciphertext that was changed gives another secret', (t) => {
  const ours = hybrid.begin()
  const answer = hybrid.answer(ours.publicValue)
  if (answer === undefined) return t.fail('refused')
  const forged = Buffer.from(answer.publicValue)
  forged[7] = (forged[7] ?? 0) ^ 1
  t.deepEqual(ours.agree(answer.publicValue), answer.secret)
  t.notDeepEqual(ours.agree(forged), answer.secret)
})

test('S1 T04: random values never throw', (t) => {
  const ours = hybrid.begin()
  const octets = fc.oneof(
    fc.uint8Array({ minLength: EK + 32, maxLength: EK + 32 }),
    fc.uint8Array({ minLength: CT + 32, maxLength: CT + 32 }),
    fc.uint8Array({ maxLength: 64 }),
  )
  t.notThrows(() =>
    fc.assert(
      fc.property(octets, (value) => {
        hybrid.answer(Buffer.from(value))
        ours.agree(Buffer.from(value))
      }),
      { numRuns: process.env['ZT_FULL'] ? 5000 : 100 },
    ),
  )
})

test('S1 T13: our client and our server choose it, and exchange keys again with it', (t) => {
  const hostKey = {
    ...signerFor(generateKeyPairSync('ed25519').privateKey),
    algorithm: 'ssh-ed25519',
  }
  const pair = joinPair(
    { role: 'server', algorithms: SERVER_ALGORITHMS, hostKeys: [hostKey] },
    {
      ...{ role: 'client', algorithms: CLIENT_ALGORITHMS, hostKeyAlgorithms: ['ssh-ed25519'] },
      verifyHostKey: () => ({ ok: true, value: undefined }),
    },
  )
  pair.settle()
  for (const end of [pair.client, pair.server]) {
    t.is(end.transport.negotiated?.kex, 'mlkem768x25519-sha256')
  }
  const { sessionId } = pair.client.transport
  pair.client.transport.rekey()
  pair.settle()
  t.deepEqual(pair.client.transport.sessionId, sessionId)
  t.false(pair.client.transport.closed || pair.server.transport.closed)
})

/** As OpenSSL 4.0 computes them. */
const { vectors } = JSON.parse(readFileSync('test/vectors/ssh/mlkem768x25519.json', 'utf8')) as {
  readonly vectors: readonly Readonly<Record<string, string>>[]
}

test('S1 T13: seeds and values of another implementation give its secret', (t) => {
  t.plan(2 * vectors.length)
  for (const vector of vectors) {
    const part = (name: string) => Buffer.from(vector[name] ?? '', 'hex')
    const { publicKey, secretKey } = ml_kem768.keygen(part('seed'))
    t.deepEqual(Buffer.from(publicKey), part('clientValue').subarray(0, EK))
    const first = ml_kem768.decapsulate(part('serverValue').subarray(0, CT), secretKey)
    const second = diffieHellman({
      privateKey: rawKey(part('clientKey'), 'pkcs8'),
      publicKey: rawKey(part('serverValue').subarray(CT), 'spki'),
    })
    t.deepEqual(kOf(first, second), part('secret'))
  }
})

/** An X25519 key of RFC 8410 from its 32 octets. */
function rawKey(octets: Buffer, type: 'pkcs8' | 'spki') {
  const head = type === 'pkcs8' ? '302e020100300506032b656e04220420' : '302a300506032b656e032100'
  const key = Buffer.concat([Buffer.from(head, 'hex'), octets])
  return type === 'pkcs8'
    ? createPrivateKey({ key, format: 'der', type })
    : createPublicKey({ key, format: 'der', type })
}
