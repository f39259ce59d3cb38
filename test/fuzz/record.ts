/**
 * Records the corpora anew from real programs: OpenSSH's clients and server, and what other clients are installed.
 * `node dist/test/fuzz/record.js`; the outcome is committed.
 */
import { spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { FRAME_HEAD_BYTES, type Frame, writeFrameHead } from '#lib/recording/frame'
import { RecordingReader } from '#lib/recording/recording-reader'
import { parseRecipientKey } from '#lib/seal/recipient-key'
import { MESSAGE } from '#lib/ssh/message-numbers'
import { signerFor } from '#lib/ssh/signature'
import { writeByte, writeString } from '#lib/ssh/writer'
import { TargetAuthentication } from '../../gateway/ssh/login/target-authentication.ts'
import { startPlainRelay } from '../support/plain-relay.ts'
import { runProgram } from '../support/run-program.ts'
import { SshClient } from '../support/ssh-client.ts'
import { KeyFolder } from '../support/ssh-keygen.ts'
import { type Sshd, startSshd } from '../support/sshd.ts'
import { keepInput } from './corpus.ts'
import { type Turn, writeTurns } from './turns.ts'

/** As the campaigns have it: then the signature counts. */
const SESSION_ID = Buffer.alloc(32, 7)

const keys = new KeyFolder()
const authority = signerFor(generateKeyPairSync('ed25519').privateKey)
const sshd = await startSshd({
  userAuthorities: [`ssh-ed25519 ${authority.blob.toString('base64')}`],
})
try {
  await recordPackets(sshd)
  await recordAuthentication(sshd)
  recordCertificates()
  recordSftp()
  await recordContainers()
} finally {
  await sshd.stop()
  keys.remove()
}

/** Clients by name, each with what makes it connect to a port of 127.0.0.1. */
function clientsTo(port: number): Readonly<Record<string, readonly string[]>> {
  const to = ['-p', String(port), 'nobody@127.0.0.1']
  const options = [
    '-oBatchMode=yes',
    '-oStrictHostKeyChecking=no',
    '-oUserKnownHostsFile=/dev/null',
  ]
  const python = ['/usr/bin/python3', '-W', 'ignore', '-c']
  return {
    openssh: ['ssh', '-F', 'none', ...options, ...to, 'true'],
    dropbear: ['dbclient', '-y', '-y', ...to, 'true'],
    putty: ['plink', '-batch', '-ssh', '-P', String(port), '-hostkey', '*', 'nobody@127.0.0.1'],
    curl: ['curl', '-sk', '--connect-timeout', '3', `sftp://nobody@127.0.0.1:${port}/`],
    paramiko: [
      ...python,
      `import paramiko; paramiko.Transport(('127.0.0.1',${port})).start_client()`,
    ],
    asyncssh: [
      ...python,
      `import asyncio,asyncssh; asyncio.run(asyncssh.connect('127.0.0.1',${port},known_hosts=None,username='n',password='x'))`,
    ],
  }
}

async function recordPackets({ port, address }: Sshd): Promise<void> {
  let heard: Turn[] = []
  const sockets: Socket[] = []
  const proxy = createServer((client) => {
    const target = connect(port, address)
    client.on('data', (bytes) => void heard.push({ side: 'user', bytes: Buffer.from(bytes) }))
    target.on('data', (bytes) => void heard.push({ side: 'target', bytes: Buffer.from(bytes) }))
    for (const socket of [client, target]) {
      sockets.push(socket)
      socket.on('error', () => undefined)
    }
    client.pipe(target)
    target.pipe(client)
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const listening = proxy.address()
  const at = typeof listening === 'object' && listening !== null ? listening.port : 0
  for (const [name, argv] of Object.entries(clientsTo(at))) {
    heard = []
    await runProgram(['timeout', '8', ...argv])
    for (const side of ['user', 'target'] as const) {
      const bytes = Buffer.concat(heard.filter((one) => one.side === side).map((one) => one.bytes))
      const clear = clearPart(bytes)
      if (clear === undefined) continue
      keepInput('packet', writeTurns([{ side, bytes: clear.octets }]), name)
      keepInput(
        'kex',
        writeTurns(clear.payloads.map((payload) => ({ side, bytes: payload }))),
        name,
      )
    }
  }
  for (const socket of sockets) socket.destroy()
  proxy.close()
}

/** Identification and packets up to NEWKEYS; undefined when nobody was there. */
function clearPart(bytes: Buffer) {
  const line = bytes.indexOf('\n') + 1
  if (line === 0) return undefined
  const payloads: Buffer[] = []
  let at = line
  while (at + 5 <= bytes.length) {
    const length = bytes.readUInt32BE(at)
    const payload = bytes.subarray(at + 5, at + 4 + length - (bytes[at + 4] ?? 0))
    at += 4 + length
    payloads.push(payload)
    if (payload[0] === MESSAGE.newKeys) break
  }
  return { octets: bytes.subarray(0, at), payloads }
}

async function recordAuthentication(target: Sshd): Promise<void> {
  const heard: Turn[] = []
  const relay = await startPlainRelay({
    ...{ sshd: target, authority },
    onPayload: (side, payload) => void heard.push({ side, bytes: Buffer.from(payload) }),
  })
  const client = new SshClient({
    ...{
      port: relay.port,
      user: target.user,
      alias: 'relay',
      knownHosts: `relay ${relay.hostKey}`,
    },
    identity: keys.makeKey('login', '-t', 'ed25519'),
  })
  await client.ssh(['target', 'true'])
  keepInput('authentication', writeTurns(heard.filter(({ bytes }) => isEarly(bytes))), 'openssh')
  keepInput('authentication', writeTurns(ownLogin()), 'own')
  client.remove()
  await relay.stop()
}

/** A login with a certificate, as we make it ourselves towards targets: OpenSSH's ends at `none`. */
function ownLogin(): Turn[] {
  const credential = { certificate: authority.blob, signer: authority }
  const login = new TargetAuthentication({ sessionId: SESSION_ID, unixUser: 'demo', credential })
  const service = writeString('ssh-userauth')
  const accept = Buffer.concat([writeByte(MESSAGE.serviceAccept), service])
  const bytes = [login.begin()]
  const step = login.receive(accept)
  if (step.kind === 'send') bytes.push(step.message)
  return [
    { side: 'target', bytes: accept },
    ...bytes.map((one) => ({ side: 'user', bytes: one }) as const),
  ]
}

/** Messages before the connection protocol (RFC 4250 section 4.1.1). */
function isEarly(payload: Buffer): boolean {
  const type = payload[0] ?? 0
  return type < 80 && type !== MESSAGE.extInfo
}

function recordCertificates(): void {
  const kinds = [['ed25519'], ['ecdsa', '-b', '256'], ['ecdsa', '-b', '521'], ['rsa', '-b', '2048']]
  for (const [index, [type = '', ...bits]] of kinds.entries()) {
    const ca = `ca${index}`
    keys.makeKey(ca, '-t', type, ...bits)
    keys.makeKey(`key${index}`, '-t', type, ...bits)
    const options = [
      '-I',
      'id',
      '-n',
      'demo,root',
      '-V',
      '+1h',
      '-O',
      'source-address=192.0.2.0/24',
    ]
    keepInput('certificate', keys.certify(ca, `key${index}`, ...options), `user-${type}`)
    keepInput(
      'certificate',
      keys.certify(ca, `key${index}`, '-h', '-I', 'h', '-n', 'h'),
      `host-${type}`,
    )
    keepInput('certificate', keys.blob(`key${index}.pub`), `key-${type}`)
    keepInput('certificate', readFileSync(keys.file(`key${index}.pub`)), `line-${type}`)
  }
}

/** OpenSSH's sftp and its server, with a pipe in between that keeps both directions. */
function recordSftp(): void {
  const server = keys.write(
    'server',
    '#!/bin/sh\nd=$(dirname "$0")\ntee "$d/user" | /usr/lib/openssh/sftp-server | tee "$d/target"\n',
  )
  spawnSync('chmod', ['+x', server])
  const data = keys.write('data', 'x'.repeat(3000))
  const batch = `cd ${keys.path}\nmkdir d\nput ${data} d/x\nrename d/x d/y\nget d/y got\nls -l d\nsymlink y d/l\nchmod 600 d/y\ndf\nrm d/l\nrm d/y\nrmdir d\n`
  spawnSync('sftp', ['-q', '-b', '-', '-D', server], { input: batch, cwd: keys.path })
  const [user, target] = [keys.file('user'), keys.file('target')].map((file) => readFileSync(file))
  if (user === undefined || target === undefined) throw new Error('no sftp')
  const both = [...cutPackets(user, 'user'), ...cutPackets(target, 'target')]
  keepInput('sftp', writeTurns(both), 'session')
  const byId = [...both].sort((a, b) => idOf(a) - idOf(b))
  keepInput('sftp', writeTurns(byId), 'answered')
}

function cutPackets(bytes: Buffer, side: Turn['side']): Turn[] {
  const turns: Turn[] = []
  for (let at = 0; at + 4 <= bytes.length; ) {
    const end = at + 4 + bytes.readUInt32BE(at)
    turns.push({ side, bytes: bytes.subarray(at, end) })
    at = end
  }
  return turns
}

/** INIT and VERSION have none and come first. */
function idOf({ bytes }: Turn): number {
  return (bytes[4] ?? 0) <= 2 ? -1 : bytes.readUInt32BE(5)
}

async function recordContainers(): Promise<void> {
  const vectors = JSON.parse(readFileSync('test/vectors/recordings.json', 'utf8'))
  for (const { file, recipientKey } of vectors) {
    const sealed = Buffer.from(file, 'base64')
    keepInput('container', sealed, 'sealed')
    const key = await parseRecipientKey(JSON.stringify(recipientKey))
    if (!key.ok) throw new Error(key.error.reason)
    const reader = new RecordingReader([key.value])
    const { frames } = await reader.push(sealed)
    const turns = frames.map((frame) => ({ side: 'user', bytes: frameOf(frame) }) as const)
    keepInput('container', writeTurns(turns), 'frames')
  }
}

function frameOf(frame: Frame): Buffer {
  const payload =
    'event' in frame ? Buffer.from(JSON.stringify(frame.event)) : Buffer.from(frame.bytes)
  const bytes = Buffer.alloc(FRAME_HEAD_BYTES + payload.length)
  const channel = 'event' in frame ? frame.event.channel : frame.channel
  const kind = 'event' in frame ? 'event' : frame.stream
  writeFrameHead(bytes, 0, { kind, more: false, channel, timeUs: frame.timeUs }, payload.length)
  payload.copy(bytes, FRAME_HEAD_BYTES)
  return bytes
}
