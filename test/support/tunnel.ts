/** A gateway's tunnel listener and what a device needs to reach it, for tests. */
import { randomUUID } from 'node:crypto'
import { connect } from 'node:net'
import type { ExecutionContext } from 'ava'
import { momentNow } from '../../daemon/moment-os.ts'
import { connectHttp2, type Http2ConnectOptions } from '../../daemon/tunnel/http2-client.ts'
import type { DialTcp, TunnelCredentials } from '../../daemon/tunnel/tunnel.ts'
import type { Device } from '../../gateway/store/store.ts'
import type { TunnelHandlers } from '../../gateway/tunnel/incoming.ts'
import {
  startTunnelServer,
  type TunnelServer,
  type TunnelServerOptions,
} from '../../gateway/tunnel/tunnel-server.ts'
import type { Log, LogFields } from '../../lib/log.ts'
import { issue, issueDevice, type LeafOptions, makeCa, type TestCa } from './certificates.ts'

/** A log that keeps its lines, and lets a test wait for one to come. */
export type MemoryLog = Log & {
  readonly lines: (LogFields & { readonly message: string })[]
  next(message: string): Promise<void>
}

export function memoryLog(): MemoryLog {
  const lines: MemoryLog['lines'] = []
  const waiting: { message: string; resolve: () => void }[] = []
  const keep = (fields: LogFields, message: string) => {
    lines.push({ ...fields, message })
    for (const one of waiting) if (one.message === message) one.resolve()
  }
  const next = (message: string) =>
    new Promise<void>((resolve) => waiting.push({ message, resolve }))
  return { lines, next, info: keep, warn: keep, error: keep }
}

export const dialTcp: DialTcp = ({ host, port }, signal) =>
  new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true })
    const giveUp = () => socket.destroy(new Error('aborted'))
    signal.addEventListener('abort', giveUp, { once: true })
    socket.once('error', reject)
    socket.once('connect', () => {
      signal.removeEventListener('abort', giveUp)
      resolve(socket)
    })
  })

/** One gateway with one authority and any number of devices. */
export type Tunnel = {
  readonly server: TunnelServer
  readonly log: MemoryLog
  readonly deviceCa: TestCa
  readonly gatewayCa: TestCa
  readonly devices: Map<string, Device>
  /** Registers a device and issues its certificate. */
  enrol(change?: Partial<LeafOptions>): Promise<EnrolledDevice>
  client(device: EnrolledDevice, change?: Partial<Http2ConnectOptions>): Http2ConnectOptions
}

export type EnrolledDevice = { readonly id: string; readonly credentials: TunnelCredentials }

const noHandlers: TunnelHandlers = {
  onFlow: (flow) => flow.reset(),
  onControl: (_peer, stream) => stream.destroy(),
  posts: new Map(),
}

export async function startTunnel(
  t: ExecutionContext,
  handlers: Partial<TunnelHandlers> = {},
  change: Partial<TunnelServerOptions> = {},
): Promise<Tunnel> {
  const [gatewayCa, deviceCa] = await Promise.all([makeCa('gateway ca'), makeCa('device ca')])
  const gateway = await issue(gatewayCa, {
    names: [{ type: 'ip', value: '127.0.0.1' }],
    usage: 'serverAuth',
  })
  const devices = new Map<string, Device>()
  const log = memoryLog()
  const server = await startTunnelServer({
    listen: { host: '127.0.0.1', port: 0 },
    certificate: gateway.certificate,
    key: gateway.key,
    deviceCa: deviceCa.pem,
    device: (id) => devices.get(id),
    handlers: { ...noHandlers, ...handlers },
    log,
    now: Date.now,
    ...change,
  })
  t.teardown(() => server.drain(0))
  return {
    server,
    log,
    deviceCa,
    gatewayCa,
    devices,
    async enrol(leaf = {}) {
      const id = randomUUID()
      const { key, certificate, keySha256 } = await issueDevice(deviceCa, id, leaf)
      const times = { enrolledAtMs: 0, login: { atMs: Date.now() } }
      devices.set(id, { id, userId: 'user-1', name: 'laptop', keySha256, ...times })
      return { id, credentials: { key, certificate, gatewayCa: gatewayCa.pem } }
    },
    client: (device, options = {}) => ({
      gateway: { host: '127.0.0.1', port: server.address.port },
      credentials: device.credentials,
      dial: dialTcp,
      now: momentNow,
      ...options,
    }),
  }
}

/** Connects, and fails the test when that is refused. */
export async function connectDevice(t: ExecutionContext, options: Http2ConnectOptions) {
  const connected = await connectHttp2(options)
  if (!connected.ok) throw new Error(`tunnel refused: ${connected.error.reason}`)
  t.teardown(() => connected.value.drain(0))
  return connected.value
}
