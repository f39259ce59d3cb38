/** SSH inspection between a TCP port on loopback and one target, with everything real but policy and tunnel. */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LogFields } from '#lib/log'
import type { Frame } from '#lib/recording/frame'
import { ok, type Result } from '#lib/result'
import type { RecipientKey } from '#lib/seal/recipient-key'
import { signerFor } from '#lib/ssh/signature'
import type { Missed } from '../../gateway/enforce/missed.ts'
import type {
  SshEnd,
  SshFlow,
  SshHop,
  SshTarget,
  TargetStream,
} from '../../gateway/enforce/ssh-service.ts'
import { createLiveSessions } from '../../gateway/live/live-sessions.ts'
import type { Permit, SshLimits } from '../../gateway/policy/decision.ts'
import type { Recordings } from '../../gateway/recording/recorder.ts'
import { HostKeys } from '../../gateway/ssh/login/host-keys.ts'
import { SessionCount } from '../../gateway/ssh/session-count.ts'
import { serveSsh } from '../../gateway/ssh/ssh-proxy-server.ts'
import {
  SSH_TIMING,
  type SshServiceDeps,
  type SshTiming,
} from '../../gateway/ssh/ssh-service-deps.ts'
import { loadAeadBinding } from '../../gateway/ssh/transport/aead-binding-os.ts'
import { CLIENT_ALGORITHMS, SERVER_ALGORITHMS } from '../../gateway/ssh/transport/algorithms.ts'
import { readAll } from './recording-sample.ts'
import { openSampleStore, SILENT } from './recording-store.ts'
import { sampleFacts } from './sample-facts.ts'

export const TARGET_NAME = 'db1.corp.internal'
const userAuthority = signerFor(generateKeyPairSync('ed25519').privateKey)
const hostAuthority = signerFor(generateKeyPairSync('ed25519').privateKey)

/** What the target's sshd must trust. */
export const USER_AUTHORITY_LINE = `ssh-ed25519 ${userAuthority.blob.toString('base64')}`
/** What the client trusts: a line of known_hosts. */
export const KNOWN_HOSTS_LINE = `@cert-authority * ssh-ed25519 ${hostAuthority.blob.toString('base64')}`

export type GatewayOptions = {
  readonly target: { readonly address: string; readonly port: number }
  readonly limits: SshLimits
  readonly timing?: Partial<SshTiming>
  readonly idleTimeoutMs?: number
  /** Stands for a hold: what comes before the target is handed over, or in its place. */
  readonly waiting?: (
    onAsked: (line: string) => void,
    reached: Result<SshTarget, Missed>,
  ) => Promise<Result<SshTarget, Missed>>
  /** What may be reached from inside a session, by `host:port`. */
  readonly behind?: Readonly<Record<string, SshLimits>>
  /** In place of a real store. */
  readonly recordings?: Recordings
  readonly deps?: Partial<SshServiceDeps>
}

export type SshGateway = {
  readonly port: number
  readonly log: LogFields[]
  /** Resolves with the end of the newest session, once every session so far has ended. */
  lastEnd(): Promise<SshEnd>
  /** Ids of recordings, newest last. */
  readonly sessions: string[]
  /** Sockets of users' clients, newest last. */
  readonly clients: Socket[]
  /** Sockets to the target, newest last. */
  readonly targets: Socket[]
  /** Cuts the newest flow, as a revocation does. */
  cut(reason: string): void
  /** Header of a recording: whom and what it is about. */
  subject(sessionId: string): Promise<Readonly<Record<string, string | number>>>
  /** Opens the recording of a session by the recipient's key. */
  frames(sessionId: string): Promise<readonly Frame[]>
  /** Octets of all recordings, as on disk. */
  sealed(): Buffer
  stop(): Promise<void>
}

export async function startSshGateway(options: GatewayOptions): Promise<SshGateway> {
  const folder = mkdtempSync(join(tmpdir(), 'zt-ssh-gateway-'))
  const { store, alice } = await openSampleStore(folder)
  const gateway = new Gateway(options, store, folder, alice)
  await gateway.listen()
  return gateway
}

/** What a gateway gives to inspection, with authorities of this process. */
export function sampleServiceDeps(recordings: Recordings): SshServiceDeps {
  return {
    authorities: {
      signer: (name) => (name === 'host' ? hostAuthority : userAuthority),
      blobs: (name) => (name === 'user' ? [userAuthority.blob] : []),
      isRevoked: () => false,
      onChange: () => () => {},
    },
    hostSeed: randomBytes(32),
    hostKeys: new HostKeys(),
    recordings,
    live: createLiveSessions(),
    shortNames: () => ['db1'],
    log: SILENT,
    now: Date.now,
    binding: loadAeadBinding(),
    algorithms: { user: SERVER_ALGORITHMS, target: CLIENT_ALGORITHMS },
    timing: SSH_TIMING,
    sessions: new SessionCount(),
  }
}

/** A target that was reached under an SSH permit. */
export function sampleSshTarget(
  socket: TargetStream,
  limits: SshLimits,
  idleTimeoutMs?: number,
): SshTarget {
  const permit: Permit = {
    kind: 'permit',
    reason: 'allowed_by_policy',
    application: 'db',
    policy: 'staff',
    enforcement: { kind: 'ssh', ssh: limits },
    ...(idleTimeoutMs !== undefined && { idleTimeoutMs }),
    revision: 1,
    trace: [],
  }
  return { socket, limits, permit }
}

/** A flow to the sample target. */
export function sampleSshFlow(
  parts: Pick<SshFlow, 'client' | 'reach'> & Partial<SshFlow>,
): SshFlow {
  return {
    flowId: 'flow-1',
    facts: sampleFacts({ destination: { host: TARGET_NAME, port: 22, transport: 'tcp' } }),
    dialled: '127.0.0.1',
    onSession: () => {},
    tell: () => {},
    cutReason: () => undefined,
    hop: () => false,
    ...parts,
  }
}

class Gateway implements SshGateway {
  port = 0
  readonly log: LogFields[] = []
  readonly #ends: Promise<SshEnd>[] = []
  readonly sessions: string[] = []
  readonly targets: Socket[] = []
  readonly clients: Socket[] = []
  readonly #options: GatewayOptions
  readonly #deps: SshServiceDeps
  readonly #folder: string
  readonly #key: RecipientKey
  readonly #server: Server
  #cutReason: string | undefined

  constructor(options: GatewayOptions, store: Recordings, folder: string, key: RecipientKey) {
    this.#options = options
    this.#folder = folder
    this.#key = key
    const write = (fields: LogFields) => void this.log.push(fields)
    this.#deps = {
      ...sampleServiceDeps(options.recordings ?? store),
      log: { info: write, warn: write, error: write },
      timing: { ...SSH_TIMING, ...options.timing },
      ...options.deps,
    }
    this.#server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
      this.#serve(client)
    })
  }

  listen(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.listen(0, '127.0.0.1', () => {
        const at = this.#server.address()
        this.port = typeof at === 'object' && at !== null ? at.port : 0
        resolve()
      })
    })
  }

  async lastEnd(): Promise<SshEnd> {
    const end = (await Promise.all(this.#ends)).at(-1)
    if (end === undefined) throw new Error('there was no session')
    return end
  }

  cut(reason: string): void {
    this.#cutReason = reason
    this.clients.at(-1)?.resetAndDestroy()
    this.targets.at(-1)?.resetAndDestroy()
  }

  async frames(sessionId: string): Promise<readonly Frame[]> {
    const file = readFileSync(join(this.#folder, `${sessionId}.ztrec`))
    const { frames, error } = await readAll(file, [this.#key])
    if (error !== undefined) throw new Error(JSON.stringify(error))
    return frames
  }

  async subject(sessionId: string): Promise<Readonly<Record<string, string | number>>> {
    const file = readFileSync(join(this.#folder, `${sessionId}.ztrec`))
    return (await readAll(file, [this.#key])).reader.header?.subject ?? {}
  }

  sealed(): Buffer {
    return Buffer.concat(
      readdirSync(this.#folder).map((name) => readFileSync(join(this.#folder, name))),
    )
  }

  async stop(): Promise<void> {
    this.#server.close()
    for (const socket of [...this.clients, ...this.targets]) socket.destroy()
    await Promise.allSettled(this.#ends)
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #serve(client: Socket): void {
    this.clients.push(client)
    const { address, port } = this.#options.target
    const target = connect({ host: address, port, noDelay: true, allowHalfOpen: true })
    this.targets.push(target)
    target.once('connect', () => {
      this.#ends.push(serveSsh(this.#flow(client, target), this.#deps))
    })
  }

  #flow(client: Socket, target: Socket): SshFlow {
    const { limits, idleTimeoutMs, waiting } = this.#options
    const reached = ok(sampleSshTarget(target, limits, idleTimeoutMs))
    return sampleSshFlow({
      client,
      reach: (onAsked) => waiting?.(onAsked, reached) ?? Promise.resolve(reached),
      onSession: (sessionId) => void this.sessions.push(sessionId),
      cutReason: () => this.#cutReason,
      hop: (hop) => this.#hop(hop),
    })
  }

  /** Decides on ways to other targets as enforcement does, by a table. */
  #hop(hop: SshHop): boolean {
    const limits = this.#options.behind?.[hop.authority]
    if (limits === undefined) {
      if (hop.onlySsh) hop.refuse('this application is not for you')
      return hop.onlySsh
    }
    this.#ends.push(this.#serveHop(hop, limits))
    return true
  }

  async #serveHop(hop: SshHop, limits: SshLimits): Promise<SshEnd> {
    const socket = await hop.dial()
    const client = socket === undefined ? undefined : hop.accept()
    if (socket === undefined || client === undefined) {
      hop.refuse('the target did not answer')
      return { closeReason: 'target_unreachable' }
    }
    const [host = '', port] = hop.authority.split(':')
    const flow = sampleSshFlow({
      client,
      facts: sampleFacts({ destination: { host, port: Number(port), transport: 'tcp' } }),
      parent: hop.parent,
      reach: async () => ok(sampleSshTarget(socket, limits)),
      onSession: (sessionId) => void this.sessions.push(sessionId),
      hop: (next) => this.#hop(next),
    })
    return serveSsh(flow, this.#deps)
  }
}
