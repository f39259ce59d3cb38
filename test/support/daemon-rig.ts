/** A whole daemon in this process, and a real gateway's tunnel listener for it to talk to. */
import { mkdtempSync, rmSync } from 'node:fs'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { ok } from '#lib/result'
import { completeConfig, type DaemonConfig } from '../../daemon/config.ts'
import { type Daemon, startDaemon } from '../../daemon/daemon-server.ts'
import { identityStoreIn } from '../../daemon/enrol/identity-store.ts'
import type { Registration } from '../../daemon/enrol/registration.ts'
import type { ProxyEnvironment } from '../../daemon/upstream/upstream-proxy.ts'
import {
  type ControlServer,
  type ControlServerDeps,
  createControlServer,
} from '../../gateway/tunnel/control-server.ts'
import type { IncomingFlow, TunnelHandlers } from '../../gateway/tunnel/incoming.ts'
import { wireRefusal } from '../../gateway/tunnel/refusal.ts'
import type {
  ControlReply,
  ControlRequest,
  DaemonStatus,
  LoginPrompt,
} from '../../lib/api/control-api.ts'
import type { DeviceSettings } from '../../lib/wire/control-message.ts'
import { onlySubject } from './sample-facts.ts'
import { type EnrolledDevice, memoryLog, startTunnel, type Tunnel } from './tunnel.ts'

export const SETTINGS: DeviceSettings = {
  domains: ['corp.internal'],
  prefixes: ['10.0.0.0/8'],
  others: 'direct',
  sshHostAuthorities: ['ssh-ed25519 AAAA'],
  postureRequests: [],
}

export function freshFolder(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'zt-daemon-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A web server that answers with the path it was asked for. */
export async function startWeb(t: ExecutionContext): Promise<{ port: number; asked: string[] }> {
  const asked: string[] = []
  const web = http.createServer((request, response) => {
    asked.push(request.url ?? '')
    response.end(`page ${request.url}`)
  })
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    web.closeAllConnections()
    web.close()
  })
  return { port: (web.address() as AddressInfo).port, asked }
}

/** A gateway that permits everything but `denied.corp.internal`, and takes every flow to one port here. */
export async function startGatewayFor(
  t: ExecutionContext,
  targetPort: number,
  handlers: Partial<TunnelHandlers> = {},
  deps: Partial<ControlServerDeps> = {},
): Promise<Tunnel & { readonly authorities: string[]; readonly control: ControlServer }> {
  const authorities: string[] = []
  const onFlow = (flow: IncomingFlow): void => {
    authorities.push(flow.authority)
    if (flow.authority.startsWith('denied.')) {
      flow.refuse(wireRefusal('no_application'))
      return
    }
    const stream = flow.accept()
    const target = net.connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true })
    target.on('error', () => stream?.destroy())
    stream?.on('error', () => target.destroy())
    if (stream !== undefined) stream.pipe(target).pipe(stream)
  }
  const control = controlServer(deps)
  const tunnel = await startTunnel(t, { onControl: control.onControl, onFlow, ...handlers })
  return { ...tunnel, authorities, control }
}

/** A control server of a gateway that sends `SETTINGS`. */
export function controlServer(deps: Partial<ControlServerDeps> = {}): ControlServer {
  return createControlServer({
    standing: onlySubject,
    user: () => ({
      id: 'user-1',
      provider: 'corp',
      providerSubject: '1',
      email: 'demo@example.com',
      name: 'Demo',
      groups: [],
      claims: {},
      lastLoginAtMs: 0,
    }),
    settings: () => SETTINGS,
    explain: async ({ destination: { host, port } }) => {
      const said = { verdict: 'denial', reason: 'no_application', sentence: 'No.' } as const
      return ok({ host, port, ...said, steps: [] })
    },
    reportPosture: () => [],
    applications: () => [{ name: 'wiki', destinations: ['wiki.corp.internal:443'] }],
    prompts: () => [],
    checkpoint: () => undefined,
    auditProof: () => undefined,
    log: memoryLog(),
    ...deps,
  })
}

/** A registration as enrolment would have kept it. */
export function registrationOf(tunnel: Tunnel, device: EnrolledDevice): Registration {
  return {
    version: 1,
    loginUrl: 'https://login.example.com:7443',
    tunnelUrl: `https://127.0.0.1:${tunnel.server.address.port}`,
    deviceId: device.id,
    userEmail: 'demo@example.com',
    ownerUid: 0,
    ...device.credentials,
  }
}

export type DaemonRig = {
  readonly daemon: Daemon
  readonly config: DaemonConfig
  readonly proxy: string
  /** Asks as `zt` does. */
  ask(request: ControlRequest, onPrompt?: (prompt: LoginPrompt) => void): Promise<ControlReply>
  status(): Promise<DaemonStatus>
  /** Looks at the status until it is as wanted. */
  until(isIt: (status: DaemonStatus) => boolean): Promise<DaemonStatus>
}

export type RigOptions = {
  readonly registration?: Registration
  readonly config?: Partial<DaemonConfig>
  readonly environment?: ProxyEnvironment
}

export function configIn(folder: string, change: Partial<DaemonConfig> = {}): DaemonConfig {
  return {
    ...completeConfig({
      state: join(folder, 'state'),
      control: join(folder, 'control.sock'),
      proxy: '127.0.0.1:0',
      owner_uid: 0,
    }),
    ...change,
  }
}

export function surroundings(environment: ProxyEnvironment = {}) {
  return {
    uid: 0,
    machineName: 'laptop',
    version: '0.0.0',
    platform: process.platform,
    environment,
    log: memoryLog(),
    logLines: () => [],
  }
}

/** Starts a daemon on fresh folders. */
export async function startDaemonRig(
  t: ExecutionContext,
  options: RigOptions = {},
): Promise<DaemonRig> {
  const config = configIn(freshFolder(t), options.config)
  if (options.registration !== undefined) {
    identityStoreIn(config.stateDir).save(options.registration)
  }
  const started = await startDaemon(config, surroundings(options.environment))
  if (!started.ok) throw new Error(started.error.reason)
  const daemon = started.value
  t.teardown(() => daemon.stop())
  const ask: DaemonRig['ask'] = (request, onPrompt) =>
    askControl(config.controlPath, request, onPrompt)
  const status = async (): Promise<DaemonStatus> => {
    const reply = await ask({ method: 'status' })
    if (reply.type !== 'result' || !('status' in reply.value)) throw new Error('no status')
    return reply.value.status
  }
  return {
    daemon,
    config,
    proxy: `127.0.0.1:${daemon.proxyPort}`,
    ask,
    status,
    until: async (isIt) => {
      for (;;) {
        const now = await status()
        if (isIt(now)) return now
        await new Promise((resolve) => setTimeout(resolve, POLL_MS))
      }
    },
  }
}

/** The status is pulled, never pushed: asking again is the only event. */
const POLL_MS = 20

/** One request over the control socket; the last line of the answer. */
export function askControl(
  path: string,
  request: ControlRequest,
  onPrompt: (prompt: LoginPrompt) => void = () => {},
): Promise<ControlReply> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(path, () => socket.write(`${JSON.stringify(request)}\n`))
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk.toString()
      for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n')) {
        const reply = JSON.parse(text.slice(0, end)) as ControlReply
        text = text.slice(end + 1)
        if (reply.type === 'progress') onPrompt(reply.prompt)
        else {
          resolve(reply)
          socket.destroy()
        }
      }
    })
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('control socket closed without an answer')))
  })
}
