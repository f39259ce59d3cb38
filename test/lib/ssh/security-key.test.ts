import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import test from 'ava'
import { parsePublicKey } from '#lib/ssh/public-key'
import { verifySignature } from '#lib/ssh/signature'
import { writePositiveInteger, writeString } from '#lib/ssh/writer'

const sha256 = (data: Uint8Array | string) => createHash('sha256').update(data).digest()
const DATA = Buffer.from('data to sign')

/** A security key in software: signs as PROTOCOL.u2f says, with any flags. */
function securityKey(kind: 'ed25519' | 'ecdsa', flags: number, application = 'ssh:') {
  const proof = Buffer.of(flags, 0, 0, 0, 9)
  const signed = Buffer.concat([sha256(application), proof, sha256(DATA)])
  const isEd = kind === 'ed25519'
  const { publicKey, privateKey } = isEd
    ? generateKeyPairSync('ed25519')
    : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = publicKey.export({ format: 'jwk' })
  const [x, y] = [jwk.x, jwk.y].map((part) => Buffer.from(part ?? '', 'base64url'))
  const name = isEd ? 'sk-ssh-ed25519@openssh.com' : 'sk-ecdsa-sha2-nistp256@openssh.com'
  const pair = isEd
    ? sign(null, signed, privateKey)
    : sign('sha256', signed, { key: privateKey, dsaEncoding: 'ieee-p1363' })
  const signature = isEd
    ? pair
    : Buffer.concat([
        writePositiveInteger(pair.subarray(0, 32)),
        writePositiveInteger(pair.subarray(32)),
      ])
  const fields = isEd
    ? [writeString(x ?? '')]
    : [writeString('nistp256'), writeString(Buffer.concat([Buffer.of(4), x ?? proof, y ?? proof]))]
  return {
    blob: Buffer.concat([writeString(name), ...fields, writeString('ssh:')]),
    signature: Buffer.concat([writeString(name), writeString(signature), proof]),
  }
}

function verify(key: { blob: Buffer; signature: Buffer }) {
  const parsed = parsePublicKey(key.blob)
  if (!parsed.ok) throw new Error(parsed.error.reason)
  return verifySignature(parsed.value, key.signature, DATA)
}

for (const kind of ['ed25519', 'ecdsa'] as const) {
  test(`S2 T24: sk ${kind} with a touch is taken, and tells whether the user was verified`, (t) => {
    const touched = verify(securityKey(kind, 1))
    t.deepEqual(touched.ok && touched.value.securityKey, {
      userPresent: true,
      userVerified: false,
      counter: 9,
    })
    const verified = verify(securityKey(kind, 5))
    t.true(verified.ok && verified.value.securityKey?.userVerified)
  })

  test(`S2 T24: sk ${kind} without a touch is refused`, (t) => {
    t.deepEqual(verify(securityKey(kind, 0)), { ok: false, error: { reason: 'no_user_presence' } })
    t.deepEqual(verify(securityKey(kind, 4)), { ok: false, error: { reason: 'no_user_presence' } })
  })

  test(`S2 T24: sk ${kind} with flags changed after signing, or for another application, is refused`, (t) => {
    const key = securityKey(kind, 1)
    const forged = Buffer.from(key.signature)
    forged[forged.length - 5] = 5
    t.deepEqual(verify({ ...key, signature: forged }), {
      ok: false,
      error: { reason: 'bad_signature' },
    })
    t.deepEqual(verify(securityKey(kind, 1, 'https://evil.example')), {
      ok: false,
      error: { reason: 'bad_signature' },
    })
  })
}
