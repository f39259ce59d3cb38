/** FIPS mode, with real ssh and sshd: what is agreed on, and what is refused. */
import { generateKeyPairSync } from 'node:crypto'
import test, { type ExecutionContext } from 'ava'
import { parsePublicKey } from '#lib/ssh/public-key'
import { signerFor } from '#lib/ssh/signature'
import type { Recordings } from '../../../../gateway/recording/recorder.ts'
import { deriveHostKey } from '../../../../gateway/ssh/login/host-key.ts'
import { FIPS_ALGORITHMS } from '../../../../gateway/ssh/transport/algorithms.ts'
import { sampleServiceDeps } from '../../../support/ssh-gateway.ts'
import { KeyFolder } from '../../../support/ssh-keygen.ts'
import { startSshPair } from '../../../support/ssh-pair.ts'
import { startSshd } from '../../../support/sshd.ts'

const p256 = () => signerFor(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
const authorities = { user: p256(), host: p256() }
const lineOf = (blob: Buffer) => `ecdsa-sha2-nistp256 ${blob.toString('base64')}`

/** A pair in FIPS mode; its target has a P-256 host key. */
async function start(t: ExecutionContext, hostKeyType: 'ecdsa' | 'ed25519' = 'ecdsa') {
  const keys = new KeyFolder()
  keys.makeKey('host', '-t', hostKeyType)
  const hostKey = `${hostKeyType === 'ecdsa' ? 'ecdsa-sha2-nistp256' : 'ssh-ed25519'} ${keys.blob('host.pub').toString('base64')}`
  const target = await startSshd({
    userAuthorities: [lineOf(authorities.user.blob)],
    config: [`HostKey ${keys.file('host')}`],
  })
  const pair = await startSshPair([], {
    target,
    limitsToo: { hostKeys: [hostKey] },
    deps: {
      ownKeys: 'ecdsa',
      algorithms: { user: FIPS_ALGORITHMS, target: FIPS_ALGORITHMS },
      authorities: {
        ...sampleServiceDeps({} as Recordings).authorities,
        signer: (name) => (name === 'host' ? authorities.host : authorities.user),
      },
    },
  })
  t.teardown(async () => {
    await pair.stop()
    await target.stop()
    keys.remove()
  })
  const known = keys.write('known', `@cert-authority * ${lineOf(authorities.host.blob)}\n`)
  const ssh = (...options: string[]) =>
    pair.proxied.ssh(['-v', '-o', `UserKnownHostsFile=${known}`, ...options, 'target', 'echo in'])
  return { ...pair, target, keys, ssh }
}

test('S13: ssh, gateway and sshd agree on what FIPS modules have, on both legs', async (t) => {
  const { ssh, gateway, target } = await start(t)
  const { stdout, stderr } = await ssh()
  t.is(stdout.toString(), 'in\n', stderr)
  t.regex(stderr, /kex: algorithm: ecdh-sha2-nistp(256|384)\r?\n/)
  t.regex(stderr, /kex: host key algorithm: ecdsa-sha2-nistp256-cert-v01@openssh.com/)
  t.regex(
    stderr,
    /server-sig-algs=<ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,rsa-sha2-512,rsa-sha2-256>/,
  )
  const agreed = gateway.log.find((line) => line['target'] !== undefined)
  for (const side of [agreed?.['user'], agreed?.['target']] as {
    kex: string
    cipherIn: string
    hostKey: string
  }[]) {
    t.true(FIPS_ALGORITHMS.kex.includes(side.kex), side.kex)
    t.true(FIPS_ALGORITHMS.ciphers.includes(side.cipherIn), side.cipherIn)
    t.regex(side.hostKey, /^ecdsa-sha2-nistp256/)
  }
  await target.logged(/Accepted publickey for .*ECDSA-CERT .* CA ECDSA/)
  const ctr = await ssh('-c', 'aes256-ctr', '-m', 'hmac-sha2-256')
  t.is(ctr.stdout.toString(), 'in\n', ctr.stderr)
})

for (const [what, options, words] of [
  [
    'X25519 only',
    ['-o', 'KexAlgorithms=curve25519-sha256'],
    /no matching key exchange method found/,
  ],
  [
    'Ed25519 host keys only',
    ['-o', 'HostKeyAlgorithms=ssh-ed25519'],
    /no matching host key type found/,
  ],
  ['ChaCha20 only', ['-c', 'chacha20-poly1305@openssh.com'], /no matching cipher found/],
] as const) {
  test(`S13: a client with ${what} is told so`, async (t) => {
    const { ssh, gateway } = await start(t)
    const { code, stderr } = await ssh(...options)
    t.is(code, 255)
    t.regex(stderr, words)
    t.is((await gateway.lastEnd()).closeReason, 'user_no_common_algorithm')
  })
}

test('S13: an Ed25519 key proves nothing, and does no harm where none is needed', async (t) => {
  const { ssh, keys, gateway } = await start(t)
  const key = keys.makeKey('ed', '-t', 'ed25519')
  const done = await ssh('-i', key)
  t.is(done.stdout.toString(), 'in\n')
  t.is(gateway.log.find((line) => line['method'] !== undefined)?.['method'], 'none')
})

test('S13: a target with an Ed25519 host key is refused, whoever registered it', async (t) => {
  const { ssh, gateway } = await start(t, 'ed25519')
  t.is((await ssh()).code, 255)
  const refused = gateway.log.find((line) => line['detail'] !== undefined)
  t.is(refused?.['detail'], 'host_key_not_allowed')
})

test('S13: the host key of a target is P-256, the same each time, and never that of another', (t) => {
  const secret = Buffer.alloc(32, 7)
  const of = (host: string, port = 22) => {
    const key = deriveHostKey(secret, host, port, 'ecdsa')
    if (!key.ok) throw new Error(key.error.reason)
    return key.value
  }
  const one = of('db1.corp.internal')
  t.is(one.algorithm, 'ecdsa-sha2-nistp256')
  t.true(parsePublicKey(one.blob).ok)
  t.deepEqual(of('DB1.corp.internal').blob, one.blob)
  const all = ['db1.corp.internal', 'db2.corp.internal', '10.0.0.5'].flatMap((host) => [
    of(host),
    of(host, 2222),
  ])
  t.is(new Set(all.map(({ blob }) => blob.toString('hex'))).size, all.length)
  const plain = deriveHostKey(secret, 'db1.corp.internal', 22)
  t.is(plain.ok && plain.value.algorithm, 'ssh-ed25519')
})
