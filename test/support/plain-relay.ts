/** The transport at work between a real client and a real sshd: everything is permitted, forwarded, and counted. */
import { generateKeyPairSync } from 'node:crypto'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { FIRST_UPPER_MESSAGE } from '#lib/ssh/message-numbers'
import { printPublicKeyLine } from '#lib/ssh/public-key-line'
import { type SshSigner, signerFor } from '#lib/ssh/signature'
import { mintTargetCredential } from '../../gateway/ssh/login/ca.ts'
import { TargetAuthentication } from '../../gateway/ssh/login/target-authentication.ts'
import { UserAuthentication } from '../../gateway/ssh/login/user-authentication.ts'
import type { Side } from '../../gateway/ssh/relay/side.ts'
import { mayRead } from '../../gateway/ssh/relay/ssh-relaying-server.ts'
import { loadAeadBinding } from '../../gateway/ssh/transport/aead-binding-os.ts'
import { CLIENT_ALGORITHMS, SERVER_ALGORITHMS } from '../../gateway/ssh/transport/algorithms.ts'
import type {
  AlgorithmLists,
  HostKey,
  ReceivedPacket,
  SshTransport,
  TransportClosed,
} from '../../gateway/ssh/transport/transport-types.ts'
import type { Sshd } from './sshd.ts'
import { type Joined, joinSocket } from './transport-socket.ts'

export type PlainRelayOptions = {
  readonly sshd: Sshd
  readonly authority: SshSigner
  readonly userAlgorithms?: AlgorithmLists
  readonly targetAlgorithms?: AlgorithmLists
  readonly rekeyAfterBytes?: number
  /** Told of every message, decrypted, as it comes from either side. */
  readonly onPayload?: (from: Side, payload: Buffer) => void
}

export type PlainRelay = {
  readonly port: number
  /** For KnownHostsCommand or known_hosts. */
  readonly hostKey: string
  /** Re-exchanges seen on either leg. */
  rekeys(): { readonly user: number; readonly target: number }
  readonly closings: TransportClosed[]
  stop(): void
}

export async function startPlainRelay(options: PlainRelayOptions): Promise<PlainRelay> {
  const signer = signerFor(generateKeyPairSync('ed25519').privateKey)
  const hostKey: HostKey = { ...signer, algorithm: 'ssh-ed25519' }
  const counts = { user: 0, target: 0 }
  const closings: TransportClosed[] = []
  const sockets: Socket[] = []
  const server: Server = createServer((socket) => {
    sockets.push(socket)
    new Session(socket, options, hostKey, counts, closings)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    hostKey: printPublicKeyLine(signer.blob),
    rekeys: () => ({ ...counts }),
    closings,
    stop: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

class Session {
  readonly #options: PlainRelayOptions
  readonly #counts: { user: number; target: number }
  readonly #userSocket: Socket
  readonly #user: Joined
  #target: Joined | undefined
  #targetSocket: Socket | undefined
  #authentication: UserAuthentication | undefined
  #isOpen = false

  constructor(
    socket: Socket,
    options: PlainRelayOptions,
    hostKey: HostKey,
    counts: { user: number; target: number },
    closings: TransportClosed[],
  ) {
    this.#options = options
    this.#counts = counts
    this.#userSocket = socket
    this.#user = joinSocket(
      socket,
      {
        role: 'server',
        algorithms: options.userAlgorithms ?? SERVER_ALGORITHMS,
        binding: loadAeadBinding(),
        hostKeys: [hostKey],
        ...(options.rekeyAfterBytes ? { rekeyAfterBytes: options.rekeyAfterBytes } : {}),
      },
      (packet) => this.#fromUser(packet),
      (first) => {
        if (!first) this.#counts.user++
      },
      () => this.#balance(),
    )
    socket.on('data', () => this.#balance())
    void this.#user.closed.then((closed) => {
      closings.push(closed)
      this.#target?.transport.disconnect(11, 'user left')
    })
  }

  #fromUser(packet: ReceivedPacket): void {
    this.#options.onPayload?.('user', packet.payload)
    const target = this.#target?.transport
    if (this.#isOpen && target !== undefined) relay(packet, target)
    else this.#authenticate(packet)
  }

  #authenticate(packet: ReceivedPacket): void {
    const user = this.#user.transport
    this.#authentication ??= new UserAuthentication({
      sessionId: user.sessionId,
      userEmail: 'alice@example.com',
      userAuthorities: [],
      certificate: 'optional',
      sourceAddress: '127.0.0.1',
      nowSeconds: () => Date.now() / 1000,
    })
    const step = this.#authentication.receive(packet.payload)
    if (step.kind === 'reply') user.send(step.message)
    else if (step.kind === 'decide') void this.#logIn(step.unixUser)
    else if (step.kind === 'refuse') user.disconnect(step.code, step.text)
  }

  async #logIn(unixUser: string): Promise<void> {
    const { sshd, authority } = this.#options
    const credential = await mintTargetCredential({
      authority,
      userEmail: 'alice@example.com',
      sessionId: 'relay',
      unixUser,
      extensions: ['permit-pty', 'permit-port-forwarding', 'permit-agent-forwarding'],
      nowSeconds: Math.floor(Date.now() / 1000),
    })
    if (!credential.ok) throw new Error(credential.error.reason)
    let authentication: TargetAuthentication | undefined
    const socket = connect(sshd.port, sshd.address)
    const { rekeyAfterBytes } = this.#options
    this.#targetSocket = socket
    this.#target = joinSocket(
      socket,
      {
        role: 'client',
        algorithms: this.#options.targetAlgorithms ?? CLIENT_ALGORITHMS,
        binding: loadAeadBinding(),
        hostKeyAlgorithms: ['ssh-ed25519'],
        verifyHostKey: () => ({ ok: true, value: undefined }),
        ...(rekeyAfterBytes ? { rekeyAfterBytes } : {}),
      },
      (packet, transport) => {
        this.#options.onPayload?.('target', packet.payload)
        if (this.#isOpen) return relay(packet, this.#user.transport)
        const step = authentication?.receive(packet.payload)
        if (step?.kind === 'send') return transport.send(step.message)
        if (step?.kind !== 'authenticated') return transport.disconnect(14, 'refused')
        this.#isOpen = true
        this.#user.transport.send(this.#authentication?.permit() ?? Buffer.alloc(0))
      },
      (first) => {
        if (!first) this.#counts.target++
        const transport = this.#target?.transport
        if (!first || transport === undefined) return
        const { sessionId } = transport
        authentication = new TargetAuthentication({
          sessionId,
          unixUser,
          credential: credential.value,
        })
        transport.send(authentication.begin())
      },
      () => this.#balance(),
    )
    socket.on('data', () => this.#balance())
    void this.#target.closed.then(() => this.#user.transport.disconnect(11, 'target left'))
  }

  /** Keeps the memory bounded: who feeds a backlogged transport is not read from. */
  #balance(): void {
    if (this.#target === undefined) return
    setReading(this.#userSocket, mayRead(this.#user, this.#target))
    if (this.#targetSocket) setReading(this.#targetSocket, mayRead(this.#target, this.#user))
  }
}

function relay(packet: ReceivedPacket, to: SshTransport): void {
  if (packet.type > FIRST_UPPER_MESSAGE) to.forward(packet)
}

function setReading(socket: Socket, isWanted: boolean): void {
  if (isWanted) socket.resume()
  else socket.pause()
}
