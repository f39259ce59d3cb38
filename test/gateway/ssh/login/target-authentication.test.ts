/** A login at a real sshd: host key judged, certificate minted, command run; and every way to be refused. */
import { generateKeyPairSync } from 'node:crypto'
import { connect } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { MESSAGE } from '#lib/ssh/message-numbers'
import { printPublicKeyLine } from '#lib/ssh/public-key-line'
import { signerFor } from '#lib/ssh/signature'
import { writeByte, writeNameList, writeString, writeUint32 } from '#lib/ssh/writer'
import { mintTargetCredential, type TargetLogin } from '../../../../gateway/ssh/login/ca.ts'
import { TargetAuthentication } from '../../../../gateway/ssh/login/target-authentication.ts'
import { type KnownTarget, verifierFor } from '../../../../gateway/ssh/login/target-host-key.ts'
import { loadAeadBinding } from '../../../../gateway/ssh/transport/aead-binding-os.ts'
import { CLIENT_ALGORITHMS } from '../../../../gateway/ssh/transport/algorithms.ts'
import type {
  ReceivedPacket,
  SshTransport,
} from '../../../../gateway/ssh/transport/transport-types.ts'
import { deferred } from '../../../support/deferred.ts'
import { type Sshd, startSshd } from '../../../support/sshd.ts'
import { joinSocket } from '../../../support/transport-socket.ts'

const authority = signerFor(generateKeyPairSync('ed25519').privateKey)
const other = signerFor(generateKeyPairSync('ed25519').privateKey)
const nowSeconds = () => Math.floor(Date.now() / 1000)

let sshd: Sshd
test.before(async () => {
  sshd = await startSshd({
    userAuthorities: [printPublicKeyLine(authority.blob)],
    hostPrincipals: ['db1.corp.internal'],
  })
})
test.after.always(() => sshd?.stop())

const known = (change: Partial<KnownTarget> = {}): KnownTarget => ({
  host: 'db1.corp.internal',
  hostKeys: [],
  hostAuthorities: [sshd.hostAuthority],
  nowSeconds,
  ...change,
})
const login = (change: Partial<TargetLogin> = {}): TargetLogin => ({
  authority,
  userEmail: 'alice@example.com',
  sessionId: 'f3b1',
  unixUser: sshd.user,
  extensions: [],
  sourceAddress: '127.0.0.1',
  nowSeconds: nowSeconds(),
  ...change,
})

/** Connects and logs in; resolves with the last step's name or the reason of the end. */
async function logIn(t: ExecutionContext, target: KnownTarget, order: TargetLogin) {
  const verifier = verifierFor(target)
  const credential = await mintTargetCredential(order)
  if (!verifier.ok || !credential.ok) throw new Error('no verifier or no credential')
  const outcome = deferred<string>()
  let authentication: TargetAuthentication | undefined
  const onPacket = ({ payload }: ReceivedPacket, transport: SshTransport) => {
    const step = authentication?.receive(payload)
    if (step?.kind === 'send') transport.send(step.message)
    else if (step?.kind === 'refused') outcome.resolve(`${step.reason} ${step.methods}`)
    else outcome.resolve(String(step?.kind))
  }
  const socket = connect(sshd.port, sshd.address)
  t.teardown(() => socket.destroy())
  const settings = {
    role: 'client',
    algorithms: CLIENT_ALGORITHMS,
    binding: loadAeadBinding(),
    ...verifier.value,
  } as const
  const joined = joinSocket(socket, settings, (packet, transport) => onPacket(packet, transport))
  void joined.closed.then(({ reason, detail }) => outcome.resolve(`${reason} ${detail ?? ''}`))
  await joined.ready.catch(() => undefined)
  const { sessionId } = joined.transport
  authentication = new TargetAuthentication({
    sessionId,
    unixUser: order.unixUser,
    credential: credential.value,
  })
  joined.transport.send(authentication.begin())
  return {
    outcome: await outcome.promise,
    serial: credential.value.serial,
    transport: joined.transport,
  }
}

test('S2: sshd takes our certificate and logs whose it is', async (t) => {
  const { outcome, serial, transport } = await logIn(t, known(), login())
  t.is(outcome, 'authenticated')
  t.is(transport.negotiated?.hostKey, 'ssh-ed25519-cert-v01@openssh.com')
  const wanted = `Accepted publickey for ${sshd.user} .*ID zt:alice@example.com:f3b1 \\(serial ${serial}\\)`
  t.regex(await sshd.logged(new RegExp(wanted)), /ED25519-CERT/)
})

test('S4: a pinned host key suffices, beside a foreign authority as well', async (t) => {
  const pinned = known({ hostKeys: [sshd.hostKey], hostAuthorities: [] })
  t.is((await logIn(t, pinned, login())).outcome, 'authenticated')
  const both = known({
    hostKeys: [sshd.hostKey],
    hostAuthorities: [printPublicKeyLine(other.blob)],
  })
  t.is((await logIn(t, both, login())).outcome, 'authenticated')
})

const REFUSED_HOSTS: Readonly<Record<string, [() => Partial<KnownTarget>, string]>> = {
  'a certificate for another name (T30)': [
    () => ({ host: 'db2.corp.internal' }),
    'principal_mismatch',
  ],
  'a certificate of another authority': [
    () => ({ hostAuthorities: [printPublicKeyLine(other.blob)] }),
    'unknown_authority',
  ],
  'a certificate that was revoked, or whose authority was (T23)': [
    () => ({ isRevoked: () => true }),
    'certificate_revoked',
  ],
  'a key other than the pinned one': [
    () => ({ hostAuthorities: [], hostKeys: [printPublicKeyLine(other.blob)] }),
    'host_key_unknown',
  ],
}
for (const [name, [change, detail]] of Object.entries(REFUSED_HOSTS)) {
  test(`S4 T30: a host with ${name} is refused before anything is told to it`, async (t) => {
    const { outcome } = await logIn(t, known(change()), login())
    t.is(outcome, `host_key_refused ${detail}`)
  })
}

test('S4 T30: without a known key or authority there is no connection at all', (t) => {
  t.deepEqual(verifierFor(known({ hostAuthorities: [] })), {
    ok: false,
    error: { reason: 'host_key_unknown' },
  })
  t.deepEqual(verifierFor(known({ hostKeys: ['ssh-ed25519 nonsense'] })), {
    ok: false,
    error: { reason: 'bad_key_line' },
  })
})

const REFUSED_LOGINS: Readonly<Record<string, Partial<TargetLogin>>> = {
  'signed by an authority it does not know': { authority: other },
  'for a UNIX user who does not exist': { unixUser: 'nobody-here' },
  'bound to another source address': { sourceAddress: '192.0.2.1' },
  'that ended an hour ago': { nowSeconds: nowSeconds() - 3600 },
  'that begins in an hour': { nowSeconds: nowSeconds() + 3600 },
}
for (const [name, change] of Object.entries(REFUSED_LOGINS)) {
  test(`S2 T22: sshd refuses our certificate ${name}, and we say so`, async (t) => {
    const { outcome } = await logIn(t, known(), login(change))
    t.is(outcome, 'target_refused publickey')
  })
}

const credential = { certificate: Buffer.alloc(4), signer: authority }
const begun = () =>
  new TargetAuthentication({ sessionId: Buffer.alloc(32), unixUser: 'demo', credential })
const accept = Buffer.concat([writeByte(MESSAGE.serviceAccept), writeString('ssh-userauth')])
const banner = Buffer.concat([
  writeByte(MESSAGE.userAuthBanner),
  writeString('hi'),
  writeString(''),
])
const failure = (...names: string[]) =>
  Buffer.concat([writeByte(MESSAGE.userAuthFailure), writeNameList(names), writeByte(1)])

test('S1 T03: a target that skips a step, or says what only a client says, is refused', (t) => {
  for (const message of [MESSAGE.userAuthSuccess, MESSAGE.userAuthRequest, MESSAGE.channelOpen]) {
    t.like(begun().receive(writeByte(message)), { kind: 'refused', reason: 'unexpected_message' })
  }
  const asked = begun()
  t.is(asked.receive(accept).kind, 'send')
  t.like(asked.receive(accept), { kind: 'refused', reason: 'unexpected_message' })
})

test('S1: partial success is a refusal, a cut FAILURE malformed, banners are shown and counted', (t) => {
  const asked = (...messages: Buffer[]) => {
    const authentication = begun()
    authentication.receive(accept)
    return messages.map((message) => authentication.receive(message)).at(-1)
  }
  t.like(asked(failure('password', 'publickey')), {
    kind: 'refused',
    reason: 'target_refused',
    methods: ['password', 'publickey'],
  })
  t.like(asked(Buffer.concat([writeByte(MESSAGE.userAuthFailure), writeUint32(9)])), {
    reason: 'malformed_message',
  })
  t.deepEqual(asked(banner), { kind: 'banner', message: banner })
  t.like(asked(...Array<Buffer>(17).fill(banner)), { kind: 'refused' })
})
