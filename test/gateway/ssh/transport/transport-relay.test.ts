/** Bulk through two transports between OpenSSH's ssh and sshd, with keys exchanged again and again on both legs. */
import { spawn } from 'node:child_process'
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto'
import test, { type ExecutionContext } from 'ava'
import { Client } from 'ssh2'
import { parsePublicKeyLine, printPublicKeyLine } from '#lib/ssh/public-key-line'
import { signerFor } from '#lib/ssh/signature'
import {
  CIPHERS,
  CLIENT_ALGORITHMS,
  MACS,
  SERVER_ALGORITHMS,
} from '../../../../gateway/ssh/transport/algorithms.ts'
import {
  type PlainRelay,
  type PlainRelayOptions,
  startPlainRelay,
} from '../../../support/plain-relay.ts'
import { type Sshd, startSshd } from '../../../support/sshd.ts'

const MIB = 2 ** 20
const authority = signerFor(generateKeyPairSync('ed25519').privateKey)
let sshd: Sshd
test.before(async () => {
  sshd = await startSshd({ userAuthorities: [printPublicKeyLine(authority.blob)] })
})
test.after.always(() => sshd?.stop())

type Ran = { readonly code: number | null; readonly stdout: Buffer; readonly stderr: string }

async function relayFor(
  t: ExecutionContext,
  options: Partial<PlainRelayOptions> = {},
): Promise<PlainRelay> {
  const relay = await startPlainRelay({ sshd, authority, ...options })
  t.teardown(() => relay.stop())
  return relay
}

function ssh(
  relay: PlainRelay,
  options: readonly string[],
  command: string,
  input: Buffer,
): Promise<Ran> {
  const known = `KnownHostsCommand=/bin/echo [127.0.0.1]:${relay.port} ${relay.hostKey}`
  const fixed = [
    '-F',
    'none',
    '-o',
    'BatchMode=yes',
    '-o',
    'IdentityAgent=none',
    '-o',
    known,
    '-o',
    'UserKnownHostsFile=/dev/null',
  ]
  const child = spawn('ssh', [
    ...fixed,
    ...options,
    '-p',
    String(relay.port),
    `${sshd.user}@127.0.0.1`,
    command,
  ])
  const stdout: Buffer[] = []
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk
  })
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  return new Promise((resolve) => {
    child.on('close', (code) => resolve({ code, stdout: Buffer.concat(stdout), stderr }))
  })
}

const sha256 = (data: Buffer) => createHash('sha256').update(data).digest('hex')

test('S1: 24 MiB there and back, RekeyLimit 1M in ssh and limits of ours on both legs', async (t) => {
  const relay = await relayFor(t, { rekeyAfterBytes: 3 * MIB })
  const sent = randomBytes(24 * MIB)
  const ran = await ssh(relay, ['-o', 'RekeyLimit=1M'], 'cat', sent)
  t.is(ran.stderr, '')
  t.is(ran.code, 0)
  t.is(sha256(ran.stdout), sha256(sent))
  t.true(relay.rekeys().user >= 20, `user leg ${relay.rekeys().user}`)
  t.true(relay.rekeys().target >= 10, `target leg ${relay.rekeys().target}`)
})

test('S1: exit codes, stderr and end of input pass', async (t) => {
  const relay = await relayFor(t)
  const ran = await ssh(relay, [], 'wc -c; echo oops >&2; exit 41', Buffer.from('12345'))
  t.deepEqual([ran.code, ran.stdout.toString(), ran.stderr], [41, '5\n', 'oops\n'])
})

test('S1: ssh2, an implementation of its own, gets through both legs and a re-exchange', async (t) => {
  const relay = await relayFor(t, { rekeyAfterBytes: MIB })
  const client = new Client()
  t.teardown(() => client.end())
  const sent = randomBytes(3 * MIB)
  const received = await new Promise<Buffer>((resolve, reject) => {
    client.on('error', reject)
    client.on('ready', () => {
      client.exec('cat', (error, channel) => {
        if (error) return reject(error)
        const parts: Buffer[] = []
        channel.on('data', (part: Buffer) => parts.push(part))
        channel.on('close', () => resolve(Buffer.concat(parts)))
        channel.end(sent)
        return undefined
      })
    })
    const key = parsePublicKeyLine(relay.hostKey)
    client.connect({
      host: '127.0.0.1',
      port: relay.port,
      username: sshd.user,
      hostVerifier: (blob: Buffer) => key.ok && key.value.blob.equals(blob),
    })
  })
  t.is(sha256(received), sha256(sent))
  t.true(relay.rekeys().user > 0)
})

const pairs = [...CIPHERS.keys()].map(
  (cipher, index) => [cipher, [...CIPHERS.keys()].at(index - 1) ?? ''] as const,
)
for (const [user, target] of pairs) {
  test(`S1: ${user} on the user's leg and ${target} on the target's carry 4 MiB`, async (t) => {
    const macs = [...MACS.keys()]
    const relay = await relayFor(t, {
      userAlgorithms: { ...SERVER_ALGORITHMS, ciphers: [user], macs },
      targetAlgorithms: { ...CLIENT_ALGORITHMS, ciphers: [target], macs: macs.toReversed() },
    })
    const sent = randomBytes(4 * MIB)
    const ran = await ssh(relay, [], 'cat', sent)
    t.is(ran.stderr, '')
    t.is(sha256(ran.stdout), sha256(sent))
  })
}
