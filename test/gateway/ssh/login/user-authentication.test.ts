import { generateKeyPairSync } from 'node:crypto'
import test from 'ava'
import fc from 'fast-check'
import { mintCertificate } from '#lib/ssh/certificate-mint'
import { certificateName } from '#lib/ssh/key-algorithms'
import { DISCONNECT, MESSAGE } from '#lib/ssh/message-numbers'
import { type SshSigner, signerFor } from '#lib/ssh/signature'
import { writeBoolean, writeByte, writeString } from '#lib/ssh/writer'
import {
  UserAuthentication,
  type UserAuthenticationSettings,
  type UserStep,
} from '../../../../gateway/ssh/login/user-authentication.ts'

const SESSION = Buffer.alloc(32, 7)
const NOW = 1_800_000_000
const authority = signerFor(generateKeyPairSync('ed25519').privateKey)
const foreignAuthority = signerFor(generateKeyPairSync('ed25519').privateKey)
const keyA = signerFor(generateKeyPairSync('ed25519').privateKey)
const keyB = signerFor(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)

const optional: UserAuthenticationSettings = {
  sessionId: SESSION,
  userEmail: 'alice@example.com',
  userAuthorities: [authority.blob],
  certificate: 'optional',
  sourceAddress: '192.0.2.7',
  nowSeconds: () => NOW,
}
const required: UserAuthenticationSettings = { ...optional, certificate: 'required' }

const service = (name: string) =>
  Buffer.concat([writeByte(MESSAGE.serviceRequest), writeString(name)])
const request = (
  method: string,
  user = 'demo',
  rest: readonly Buffer[] = [],
  name = 'ssh-connection',
) =>
  Buffer.concat([
    writeByte(MESSAGE.userAuthRequest),
    writeString(user),
    writeString(name),
    writeString(method),
    ...rest,
  ])

type Offer = {
  readonly user?: string
  readonly algorithm?: string
  readonly blob?: Buffer
  readonly session?: Buffer
  readonly signer?: SshSigner
}
const query = (signer: SshSigner, { user, algorithm, blob }: Offer = {}) =>
  request('publickey', user, [
    writeBoolean(false),
    writeString(algorithm ?? signer.algorithm),
    writeString(blob ?? signer.blob),
  ])
const signed = (signer: SshSigner, offer: Offer = {}) => {
  const unsigned = request('publickey', offer.user, [
    writeBoolean(true),
    writeString(offer.algorithm ?? signer.algorithm),
    writeString(offer.blob ?? signer.blob),
  ])
  const data = Buffer.concat([writeString(offer.session ?? SESSION), unsigned])
  return Buffer.concat([unsigned, writeString((offer.signer ?? signer).sign(data))])
}
const certificate = (change: Partial<Parameters<typeof mintCertificate>[0]> = {}) =>
  mintCertificate({
    subject: keyA.blob,
    authority,
    kind: 'user',
    keyId: 'zt:alice@example.com:login1',
    principals: ['demo'],
    validAfterSeconds: NOW - 60,
    validBeforeSeconds: NOW + 60,
    serial: 5n,
    ...change,
  })
const withCertificate = (blob: Buffer): Offer => ({
  blob,
  algorithm: certificateName('ssh-ed25519'),
})

function asked(settings: UserAuthenticationSettings): UserAuthentication {
  const authentication = new UserAuthentication(settings)
  authentication.receive(service('ssh-userauth'))
  return authentication
}
const outcome = (step: UserStep) => {
  if (step.kind === 'refuse') return step.reason
  if (step.kind === 'decide') return `${step.proof.method} for ${step.unixUser}`
  if (step.kind === 'reply') return step.failed ?? `message ${step.message[0]}`
  return step.kind
}

const CASES: Readonly<Record<string, [UserAuthenticationSettings, Buffer, string]>> = {
  'none suffices': [optional, request('none'), 'none for demo'],
  'none does not where a certificate is required': [required, request('none'), 'method_refused'],
  'none with more octets': [optional, request('none', 'demo', [writeByte(0)]), 'method_refused'],
  'a password, unread': [optional, request('password', 'demo', [writeByte(0)]), 'method_refused'],
  'hostbased (T11)': [optional, request('hostbased'), 'method_refused'],
  'gssapi-with-mic with 2^31 mechanisms (T11)': [
    optional,
    request('gssapi-with-mic', 'demo', [Buffer.of(0x7f, 255, 255, 255)]),
    'method_refused',
  ],
  'keyboard-interactive': [optional, request('keyboard-interactive'), 'method_refused'],
  'a query is answered and decides nothing (T20)': [optional, query(keyA), 'message 60'],
  'a signature of any key': [optional, signed(keyB), 'publickey for demo'],
  'a signature for another session': [
    optional,
    signed(keyA, { session: Buffer.alloc(32, 8) }),
    'bad_signature',
  ],
  'a signature by another key (T21)': [
    optional,
    signed(keyA, { signer: keyB }),
    'signature_algorithm_refused',
  ],
  'a blob of another type than the name': [
    optional,
    signed(keyA, { algorithm: 'ecdsa-sha2-nistp256' }),
    'algorithm_mismatch',
  ],
  'ssh-rsa, that is SHA-1': [optional, query(keyA, { algorithm: 'ssh-rsa' }), 'algorithm_refused'],
  'a plain key where a certificate is required': [required, signed(keyA), 'certificate_required'],
  'a certificate of ours': [
    required,
    signed(keyA, withCertificate(certificate())),
    'certificate for demo',
  ],
  'a query with a certificate of ours (T20)': [
    required,
    query(keyA, withCertificate(certificate())),
    'message 60',
  ],
  'a certificate of ours for another person': [
    optional,
    signed(keyA, withCertificate(certificate({ keyId: 'zt:mallory@example.com:login1' }))),
    'identity_mismatch',
  ],
  'a certificate of ours for a longer name': [
    optional,
    signed(keyA, withCertificate(certificate({ keyId: 'zt:alice@example.com.evil:x' }))),
    'identity_mismatch',
  ],
  'a certificate of ours for another UNIX user (T22)': [
    required,
    signed(keyA, withCertificate(certificate({ principals: ['root'] }))),
    'principal_mismatch',
  ],
  'a host certificate of ours (T22)': [
    required,
    signed(keyA, withCertificate(certificate({ kind: 'host' }))),
    'wrong_certificate_kind',
  ],
  'an ended certificate (T22)': [
    required,
    signed(keyA, withCertificate(certificate({ validBeforeSeconds: NOW }))),
    'certificate_expired',
  ],
  'a certificate bound to another address (T22)': [
    required,
    signed(
      keyA,
      withCertificate(certificate({ criticalOptions: { 'source-address': '10.0.0.0/8' } })),
    ),
    'source_address_refused',
  ],
  'a certificate of another authority': [
    required,
    signed(keyA, withCertificate(certificate({ authority: foreignAuthority }))),
    'unknown_authority',
  ],
  'a certificate of another authority as a plain key': [
    optional,
    signed(keyA, withCertificate(certificate({ authority: foreignAuthority }))),
    'publickey for demo',
  ],
  'a certificate that one octet was changed in': [
    optional,
    signed(keyA, withCertificate(Buffer.concat([certificate(), Buffer.of(0)]))),
    'malformed_certificate',
  ],
  'a user name with a command in it (T26)': [optional, request('none', '$(id)'), 'bad_unix_user'],
  'a user name that looks like an option (T26)': [
    optional,
    request('none', '-oX'),
    'bad_unix_user',
  ],
  'a user name with a line end (T26)': [optional, request('none', 'a\nb'), 'bad_unix_user'],
  'an empty user name': [optional, request('none', ''), 'bad_unix_user'],
  'another service': [optional, request('none', 'demo', [], 'ssh-other'), 'service_not_available'],
  'a cut request': [optional, request('none').subarray(0, -1), 'malformed_message'],
  'SUCCESS sent by a client (T03)': [
    optional,
    writeByte(MESSAGE.userAuthSuccess),
    'unexpected_message',
  ],
  'a channel before authentication (T03)': [
    optional,
    writeByte(MESSAGE.channelOpen),
    'unexpected_message',
  ],
}
for (const [name, [settings, message, wanted]] of Object.entries(CASES)) {
  test(`S1 T20: user authentication with ${name}`, (t) => {
    t.is(outcome(asked(settings).receive(message)), wanted)
  })
}

test('S1: the force-command of a certificate is told to the relay (T22)', (t) => {
  const blob = certificate({ criticalOptions: { 'force-command': 'id' } })
  const step = asked(required).receive(signed(keyA, withCertificate(blob)))
  t.like(step, { kind: 'decide', proof: { method: 'certificate', forceCommand: 'id', serial: 5n } })
})

test('S1 T22: verify-required asks for a verified user, which a plain key cannot show', (t) => {
  const order = { criticalOptions: { 'verify-required': undefined } }
  const blob = certificate(order)
  t.is(outcome(asked(required).receive(signed(keyA, withCertificate(blob)))), 'user_not_verified')
})

test('S1 T20: any number of queries ends in no success, and in a disconnect', (t) => {
  const authentication = asked(required)
  const steps = Array.from({ length: 31 }, () =>
    outcome(authentication.receive(query(keyA, withCertificate(certificate())))),
  )
  t.deepEqual(new Set(steps.slice(0, 30)), new Set(['message 60']))
  t.is(steps[30], 'too_many_tries')
})

test('S1 T29: failures of all methods count together', (t) => {
  const authentication = asked(required)
  const tries = [request('none'), request('password'), signed(keyA), query(keyB), request('x')]
  const steps = Array.from({ length: 11 }, (_, index) =>
    outcome(authentication.receive(tries[index % tries.length] ?? Buffer.alloc(0))),
  )
  t.false(steps.slice(0, 10).includes('too_many_tries'))
  t.is(steps[10], 'too_many_tries')
})

test('S1 T21: the name of the deciding request counts, not one of a query before', (t) => {
  const authentication = asked(optional)
  authentication.receive(query(keyA, { user: 'root' }))
  authentication.receive(query(keyB, { user: 'root' }))
  t.like(authentication.receive(signed(keyB, { user: 'demo' })), {
    kind: 'decide',
    unixUser: 'demo',
    proof: { method: 'publickey' },
  })
})

test('S1: authentication before its service, or during the decision, is refused', (t) => {
  t.is(outcome(new UserAuthentication(optional).receive(request('none'))), 'unexpected_message')
  t.is(
    outcome(new UserAuthentication(optional).receive(service('ssh-connection'))),
    'service_not_available',
  )
  const authentication = asked(optional)
  t.is(outcome(authentication.receive(service('ssh-userauth'))), 'unexpected_message')
  authentication.receive(request('none'))
  t.is(outcome(authentication.receive(request('none'))), 'unexpected_message')
})

test('S1: a permit is SUCCESS once, requests after it are ignored; a denial is a banner', (t) => {
  const authentication = asked(optional)
  t.throws(() => authentication.permit())
  authentication.receive(request('none'))
  t.deepEqual(authentication.permit(), Buffer.of(MESSAGE.userAuthSuccess))
  t.is(authentication.receive(request('none', 'root')).kind, 'ignore')
  t.throws(() => authentication.permit())
  const denied = asked(optional)
  denied.receive(request('none', 'root'))
  t.is(denied.deny('no\nnever')[0], MESSAGE.userAuthBanner)
  t.true(denied.deny('no\nnever').includes('no\r\nnever\r\n'))
  t.is(outcome(denied.receive(request('none'))), 'unexpected_message')
  t.throws(() => denied.permit())
})

test('S1: a refusal tells the client in words what to do', (t) => {
  const step = asked(optional).receive(request('none', 'a b'))
  t.like(step, { code: DISCONNECT.noMoreAuthMethods })
  t.regex(step.kind === 'refuse' ? step.text : '', /user name cannot be used/)
})

test('S1: no message makes it throw, and none but a request that suffices leads to a decision', (t) => {
  const good = signed(keyA, withCertificate(certificate()))
  const edit = fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }))
  fc.assert(
    fc.property(edit, fc.uint8Array({ maxLength: 60 }), ([index, mask], noise) => {
      const changed = Buffer.from(good)
      changed[index] = (changed[index] ?? 0) ^ mask
      t.not(asked(required).receive(changed).kind, 'decide', `octet ${index}`)
      t.not(asked(required).receive(Buffer.from(noise)).kind, 'decide')
    }),
  )
})
