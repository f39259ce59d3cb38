/** The transport against OpenSSH itself, in both roles and with every combination of algorithms. */
import { execFile } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { connect, createServer, type Socket } from 'node:net'
import test from 'ava'
import { MESSAGE } from '#lib/ssh/message-numbers'
import { parsePublicKeyLine, printPublicKeyLine } from '#lib/ssh/public-key-line'
import { signerFor } from '#lib/ssh/signature'
import { writeByte, writeString } from '#lib/ssh/writer'
import { loadAeadBinding } from '../../../../gateway/ssh/transport/aead-binding-os.ts'
import { CIPHERS, MACS } from '../../../../gateway/ssh/transport/algorithms.ts'
import { KEX_METHODS } from '../../../../gateway/ssh/transport/key-exchange.ts'
import type {
  HostKey,
  TransportSettings,
} from '../../../../gateway/ssh/transport/transport-types.ts'
import { deferred } from '../../../support/deferred.ts'
import { type Sshd, startSshd } from '../../../support/sshd.ts'
import { joinSocket } from '../../../support/transport-socket.ts'

const binding = loadAeadBinding()
const hostSigner = signerFor(generateKeyPairSync('ed25519').privateKey)
const hostKey: HostKey = { ...hostSigner, algorithm: 'ssh-ed25519' }

let sshd: Sshd
test.before(async () => {
  const config = [`Ciphers ${[...CIPHERS.keys()].join(',')}`, `MACs ${[...MACS.keys()].join(',')}`]
  sshd = await startSshd({ config })
})
test.after.always(() => sshd?.stop())

type Choice = {
  readonly kex: string
  readonly cipher: string
  readonly mac: string
  readonly native: boolean
}
const KEX = 'curve25519-sha256'
const MAC = 'hmac-sha2-256'
const GCM = 'aes256-gcm@openssh.com'
/** Debian 12's OpenSSH has no ML-KEM. */
const otherKex = [...KEX_METHODS.keys()].filter((kex) => kex !== KEX && !kex.startsWith('mlkem'))
const CHOICES: readonly Choice[] = [
  ...otherKex.map((kex) => ({ kex, cipher: GCM, mac: MAC, native: true })),
  ...[...CIPHERS.keys()].flatMap((cipher) => {
    const macs = cipher.endsWith('ctr') ? [...MACS.keys()] : [MAC]
    return macs.map((mac) => ({ kex: KEX, cipher, mac, native: true }))
  }),
  { kex: KEX, cipher: GCM, mac: MAC, native: false },
]
const nameOf = ({ kex, cipher, mac, native }: Choice) =>
  `${kex} ${cipher} ${cipher.endsWith('ctr') ? mac : ''}${native ? '' : ' by node:crypto'}`
const algorithmsOf = ({ kex, cipher, mac }: Choice) => ({
  kex: [kex],
  ciphers: [cipher],
  macs: [mac],
})

for (const choice of CHOICES) {
  test(`S1: as a client of sshd: ${nameOf(choice)}`, async (t) => {
    const wanted = parsePublicKeyLine(sshd.hostKey)
    const socket = connect(sshd.port, sshd.address)
    const settings: TransportSettings = {
      role: 'client',
      algorithms: algorithmsOf(choice),
      binding: choice.native ? binding : undefined,
      hostKeyAlgorithms: ['ssh-ed25519'],
      verifyHostKey: () => ({ ok: true, value: undefined }),
    }
    const accepted = deferred<number>()
    const { transport, ready } = joinSocket(socket, settings, ({ type }) => accepted.resolve(type))
    t.teardown(() => socket.destroy())
    await ready
    t.deepEqual(transport.peerHostKey, wanted.ok ? wanted.value.blob : undefined)
    t.like(transport.negotiated, { kex: choice.kex, cipherIn: choice.cipher, strict: true })
    t.regex(transport.peerIdentification, /^SSH-2\.0-OpenSSH/)
    transport.send(Buffer.concat([writeByte(MESSAGE.serviceRequest), writeString('ssh-userauth')]))
    t.is(await accepted.promise, MESSAGE.serviceAccept)
  })

  test(`S1: as a server of ssh: ${nameOf(choice)}`, async (t) => {
    const said = await runSsh(
      t,
      {
        role: 'server',
        algorithms: algorithmsOf(choice),
        binding: choice.native ? binding : undefined,
        hostKeys: [hostKey],
      },
      ['-o', `KexAlgorithms=${choice.kex}`, '-c', choice.cipher, '-m', choice.mac],
    )
    t.regex(said, /Permission denied|no more authentication/i)
    t.regex(said, /kex_input_ext_info: server-sig-algs=<ssh-ed25519,/)
    t.regex(said, /resetting read seqnr/)
  })
}

/** Runs ssh against a server of ours that refuses every authentication; returns what ssh -vv said. */
async function runSsh(
  t: { teardown(fn: () => void): void },
  settings: TransportSettings,
  options: readonly string[],
): Promise<string> {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    joinSocket(socket, settings, (packet, transport) => {
      if (packet.type === MESSAGE.serviceRequest) {
        transport.send(
          Buffer.concat([writeByte(MESSAGE.serviceAccept), writeString('ssh-userauth')]),
        )
      } else
        transport.send(
          Buffer.concat([writeByte(MESSAGE.userAuthFailure), writeString(''), writeByte(0)]),
        )
    })
  })
  t.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' ? String(address?.port) : ''
  const known = `KnownHostsCommand=/bin/echo [127.0.0.1]:${port} ${printPublicKeyLine(hostKey.blob)}`
  const args = [
    '-vv',
    '-F',
    'none',
    '-o',
    'BatchMode=yes',
    '-o',
    'IdentityAgent=none',
    '-i',
    '/dev/null',
    '-o',
    known,
  ]
  return new Promise((resolve) => {
    const all = [
      ...args,
      '-o',
      'UserKnownHostsFile=/dev/null',
      ...options,
      '-p',
      port,
      '127.0.0.1',
      'true',
    ]
    execFile('ssh', all, (_error, _stdout, stderr) => resolve(stderr))
  })
}
