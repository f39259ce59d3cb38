/**
 * The parsers that read what strangers send, each as a function of one input. None may throw, take a second, or keep
 * what it was given.
 */
import { createPrivateKey } from 'node:crypto'
import { readAnswer } from '#lib/dns/answer'
import { relayAnswer, sizeLimit } from '#lib/dns/answer-writer'
import { readQuery } from '#lib/dns/query'
import { FrameAssembler } from '#lib/recording/frame-assembler'
import { ContainerParser } from '#lib/seal/container-parser'
import { parseCertificate } from '#lib/ssh/certificate'
import { checkCertificate } from '#lib/ssh/certificate-check'
import { parsePublicKey } from '#lib/ssh/public-key'
import { parsePublicKeyLine } from '#lib/ssh/public-key-line'
import { signerFor } from '#lib/ssh/signature'
import { isInside, leadsTo } from '../../daemon/dns/rebinding.ts'
import { readEcho, readUdp, refusalOf } from '../../daemon/intercept/datagram.ts'
import { PORT_UNREACHABLE } from '../../daemon/intercept/icmp-message.ts'
import { answerAddresses, parsePacket } from '../../daemon/intercept/ip-packet.ts'
import { parseTcp, printReset, rewriteTcp, tcpPath } from '../../daemon/intercept/tcp-segment.ts'
import { createEchoTranslation } from '../../gateway/enforce/echo-message.ts'
import { TargetAuthentication } from '../../gateway/ssh/login/target-authentication.ts'
import { UserAuthentication } from '../../gateway/ssh/login/user-authentication.ts'
import { SftpTap } from '../../gateway/ssh/relay/sftp-tap.ts'
import { CLIENT_ALGORITHMS, SERVER_ALGORITHMS } from '../../gateway/ssh/transport/algorithms.ts'
import { Handshake } from '../../gateway/ssh/transport/handshake.ts'
import { createTransport } from '../../gateway/ssh/transport/transport.ts'
import type { TransportSettings } from '../../gateway/ssh/transport/transport-types.ts'
import { readTurns } from './turns.ts'

/** @throws {Error} only when the parser has a bug. */
export type Parse = (input: Buffer) => void

/** Ed25519, the seed all ones: the same key in every run. */
const SIGNER = signerFor(
  createPrivateKey({
    key: Buffer.concat([
      Buffer.from('302e020100300506032b657004220420', 'hex'),
      Buffer.alloc(32, 1),
    ]),
    ...{ format: 'der', type: 'pkcs8' },
  }),
)
const SERVER: TransportSettings = {
  ...{ role: 'server', algorithms: SERVER_ALGORITHMS },
  hostKeys: [{ ...SIGNER, algorithm: 'ssh-ed25519' }],
}
const CLIENT: TransportSettings = {
  ...{ role: 'client', algorithms: CLIENT_ALGORITHMS, hostKeyAlgorithms: ['ssh-ed25519'] },
  verifyHostKey: () => ({ ok: true, value: undefined }),
}
const NOW_SECONDS = 1_800_000_000
const SESSION_ID = Buffer.alloc(32, 7)

export const PARSERS: Readonly<Record<string, Parse>> = {
  packet,
  kex,
  authentication,
  certificate,
  sftp,
  container,
  intercept,
  dns,
  echo,
}

/** What stands on the wire before the first keys, to either role. */
function packet(input: Buffer): void {
  const turns = readTurns(input)
  const settings = turns[0]?.side === 'target' ? CLIENT : SERVER
  const transport = createTransport(settings, {
    onOutput: (_bytes, written) => written(),
    onPacket: () => undefined,
    onReady: () => undefined,
    onDrain: () => undefined,
    onClosed: () => undefined,
  })
  for (const { bytes } of turns) transport.receive(bytes)
  transport.connectionLost()
}

/** Messages of a key exchange, past the packets. */
function kex(input: Buffer): void {
  const turns = readTurns(input)
  const settings = turns[0]?.side === 'target' ? CLIENT : SERVER
  const { algorithms } = settings
  const handshake = new Handshake({
    ...{ settings, algorithms, first: undefined },
    ...{ ourIdentification: 'SSH-2.0-a', peerIdentification: 'SSH-2.0-b' },
  })
  for (const { bytes } of turns) if (!handshake.receive(bytes).ok) return
}

/** Messages of user authentication, from either side. */
function authentication(input: Buffer): void {
  const user = new UserAuthentication({
    ...{ sessionId: SESSION_ID, userEmail: 'ann@example.com', userAuthorities: [SIGNER.blob] },
    ...{ certificate: 'optional', sourceAddress: '192.0.2.1', nowSeconds: () => NOW_SECONDS },
  })
  const credential = { certificate: SIGNER.blob, signer: SIGNER }
  const target = new TargetAuthentication({ sessionId: SESSION_ID, unixUser: 'demo', credential })
  target.begin()
  for (const { side, bytes } of readTurns(input)) {
    if (side === 'user') user.receive(bytes)
    else target.receive(bytes)
  }
}

function certificate(input: Buffer): void {
  const parsed = parseCertificate(input)
  parsePublicKey(input)
  parsePublicKeyLine(input.toString('latin1'))
  if (!parsed.ok) return
  const { authority } = parsed.value
  for (const kind of ['user', 'host'] as const) {
    checkCertificate(parsed.value, {
      ...{ kind, authorities: [authority.blob], principal: 'demo' },
      nowSeconds: NOW_SECONDS,
    })
  }
}

/** With rules and without: under rules the tap writes the stream anew. */
function sftp(input: Buffer): void {
  const ruled = { readOnly: true, paths: ['/srv'], denyPaths: ['/srv/secret'] }
  for (const rules of [[], [ruled]]) {
    const tap = new SftpTap(1, () => undefined, rules)
    for (const { side, bytes } of readTurns(input)) tap.feed(side, bytes)
    tap.end()
  }
}

/** The sealed file, and what is inside its chunks once they are opened. */
function container(input: Buffer): void {
  const parser = new ContainerParser()
  const half = input.length >> 1
  const parsed = parser.push(input.subarray(0, half))
  if (parsed.ok) parser.push(input.subarray(half))
  parser.end()
  const assembler = new FrameAssembler()
  for (const [index, { bytes }] of readTurns(input).entries()) {
    const chunk = { sealClass: 'output', groupEnd: index % 2 === 0 } as const
    if (!assembler.add(chunk, bytes).ok) return
  }
  assembler.end()
}

/** A frame of the TUN device. */
function intercept(input: Buffer): void {
  const packet = parsePacket(input)
  if (!packet.ok) return
  for (const datagram of [readUdp(packet.value), readEcho(packet.value)]) {
    if (datagram.ok) refusalOf(datagram.value, PORT_UNREACHABLE)
  }
  printReset(packet.value)
  if (parseTcp(packet.value) === undefined) return
  rewriteTcp(packet.value, tcpPath(answerAddresses(packet.value), 1, 2))
}

/** A question of a program, and an answer of a server made fit for the program. */
function dns(input: Buffer): void {
  const [question, reply] = readTurns(input)
  if (question === undefined || reply === undefined) return
  const answer = readAnswer(reply.bytes)
  if (answer !== undefined) leadsTo(answer, isInside)
  const query = readQuery(question.bytes)
  if (!query?.ok) return
  for (const via of ['udp', 'tcp'] as const) {
    const relayed = relayAnswer(query.value, via, reply.bytes)
    if (relayed === undefined) continue
    if (readAnswer(relayed) === undefined) throw new Error('what is relayed cannot be read')
    if (relayed.length > sizeLimit(query.value, via)) throw new Error('more than was asked for')
  }
}

/** Messages of a ping: from the device, and from the target or what says something of it. */
function echo(input: Buffer): void {
  for (const version of [4, 6] as const) {
    const translation = createEchoTranslation(version)
    for (const { side, bytes } of readTurns(input)) {
      if (side === 'user') translation.request(bytes)
      else translation.reply(bytes)
      const [type = 0, code = 0, mtu = 0] = bytes
      translation.error({ type, code, mtu, about: bytes })
    }
  }
}
