import { once } from 'node:events'
import test, { type ExecutionContext } from 'ava'
import { ok } from '#lib/result'
import type {
  TunnelClient,
  TunnelClientOptions,
  TunnelEvents,
  TunnelNotice,
  TunnelStatus,
} from '../../../daemon/tunnel/tunnel.ts'
import { createTunnelClient } from '../../../daemon/tunnel/tunnel-client.ts'
import {
  type ControlServer,
  type ControlServerDeps,
  createControlServer,
} from '../../../gateway/tunnel/control-server.ts'
import type { IncomingFlow, TunnelHandlers } from '../../../gateway/tunnel/incoming.ts'
import type { DeviceSettings } from '../../../lib/wire/control-message.ts'
import { issueDevice } from '../../support/certificates.ts'
import { startFreezableWire } from '../../support/freezable-wire.ts'
import { onlySubject } from '../../support/sample-facts.ts'
import {
  dialTcp,
  type EnrolledDevice,
  memoryLog,
  startTunnel,
  type Tunnel,
} from '../../support/tunnel.ts'

const settings: DeviceSettings = {
  domains: ['corp.internal'],
  prefixes: ['10.0.0.0/8'],
  others: 'direct',
  sshHostAuthorities: [],
  postureRequests: [],
}

const echo = (flow: IncomingFlow) => {
  const stream = flow.accept()
  stream?.pipe(stream)
}

const user = {
  id: 'user-1',
  provider: 'corp',
  providerSubject: '1',
  email: 'demo@example.com',
  name: 'Demo',
  groups: [],
  claims: {},
  lastLoginAtMs: 0,
}

function control(change: Partial<ControlServerDeps> = {}): ControlServer {
  return createControlServer({
    standing: onlySubject,
    user: () => user,
    settings: () => settings,
    explain: async ({ destination: { host, port } }) => {
      const said = { verdict: 'denial', reason: 'no_application', sentence: 'No.' } as const
      return ok({ host, port, ...said, steps: [] })
    },
    reportPosture: () => [],
    applications: () => [{ name: 'wiki', destinations: ['wiki:443'] }],
    prompts: () => [],
    checkpoint: () => undefined,
    auditProof: () => undefined,
    log: memoryLog(),
    ...change,
  })
}

/** What a client told, with a way to wait for it. */
type Watched = {
  readonly client: TunnelClient
  readonly notices: TunnelNotice[]
  readonly settings: DeviceSettings[]
  readonly lost: { readonly reason: string; readonly flows: number }[]
  until(isIt: (status: TunnelStatus) => boolean): Promise<TunnelStatus>
  untilSettings(count: number): Promise<void>
}

function watched(
  t: ExecutionContext,
  tunnel: Tunnel,
  device: EnrolledDevice,
  change: Partial<TunnelClientOptions> = {},
): Watched {
  const waiting = new Set<() => void>()
  const wake = () => {
    for (const look of waiting) look()
  }
  const notices: TunnelNotice[] = []
  const seen: DeviceSettings[] = []
  const lost: { readonly reason: string; readonly flows: number }[] = []
  const events: TunnelEvents = {
    onWelcome: () => undefined,
    onPrompt: () => undefined,
    onPromptEnded: () => undefined,
    onCheckpoint: () => undefined,
    onFlowsLost: (one) => {
      lost.push(one)
      wake()
    },
    onStatus: wake,
    onSettings: (one) => {
      seen.push(one)
      wake()
    },
    onNotice: (notice) => {
      notices.push(notice)
      wake()
    },
  }
  const client = createTunnelClient(
    {
      gateway: { host: '127.0.0.1', port: tunnel.server.address.port },
      credentials: device.credentials,
      dial: dialTcp,
      events,
      ...change,
    },
    { timing: { checkMs: 50, pongMs: 2000, connectMs: 10_000 }, random: () => 0 },
  )
  t.teardown(() => client.stop(0))
  const until = <T>(read: () => T | undefined): Promise<T> =>
    new Promise((resolve) => {
      const look = () => {
        const value = read()
        if (value === undefined) return
        waiting.delete(look)
        resolve(value)
      }
      waiting.add(look)
      look()
    })
  return {
    client,
    notices,
    settings: seen,
    lost,
    until: (isIt) => until(() => (isIt(client.status) ? client.status : undefined)),
    untilSettings: async (count) => {
      await until(() => (seen.length >= count ? true : undefined))
    },
  }
}

const isWarm = ({ connections }: TunnelStatus) => connections === 2

async function start(t: ExecutionContext, handlers: Partial<TunnelHandlers> = {}) {
  const server = control()
  const tunnel = await startTunnel(t, { onControl: server.onControl, onFlow: echo, ...handlers })
  const device = await tunnel.enrol()
  return { server, tunnel, device }
}

test('the tunnel keeps two connections warm, and hears who it is and what is ours', async (t) => {
  const { tunnel, device, server } = await start(t)
  const daemon = watched(t, tunnel, device)
  t.is(daemon.client.status.state, 'down')
  daemon.client.start()
  t.is(daemon.client.status.state, 'connecting')
  await daemon.until(isWarm)
  await daemon.untilSettings(1)
  t.like(daemon.client.status, { state: 'connected', userEmail: 'demo@example.com' })
  t.deepEqual(daemon.settings, [settings])
  server.pushSettings()
  await daemon.untilSettings(2)
  await daemon.client.stop()
  t.is(daemon.client.status.state, 'down')
})

test('explain and applications are answered on the control stream', async (t) => {
  const { tunnel, device } = await start(t)
  const daemon = watched(t, tunnel, device)
  t.deepEqual(await daemon.client.applications(), {
    ok: false,
    error: { reason: 'not_connected' },
  })
  daemon.client.start()
  await daemon.untilSettings(1)
  t.like(await daemon.client.explain({ host: 'wiki', port: 443 }), {
    value: { host: 'wiki', port: 443, reason: 'no_application' },
  })
  t.like(await daemon.client.applications(), { value: [{ name: 'wiki' }] })
})

test('flows are spread over the connections; without one they are refused', async (t) => {
  const { tunnel, device } = await start(t)
  const daemon = watched(t, tunnel, device)
  const to = { host: 'wiki', port: 1 }
  t.like(await daemon.client.openFlow(to, {}), { error: { status: 503, reason: 'not_connected' } })
  daemon.client.start()
  await daemon.until(isWarm)
  const flows = await Promise.all([1, 2, 3, 4].map(() => daemon.client.openFlow(to, {})))
  t.true(flows.every(({ ok }) => ok))
  t.is(daemon.client.status.openFlows, 4)
})

test('a small post reaches its handler with the device behind it', async (t) => {
  const renew = async (peer: { leaf: { deviceId: string } }, body: string) => ({
    status: 201,
    body: `${peer.leaf.deviceId} ${body}`,
  })
  const { tunnel, device } = await start(t, { posts: new Map([['/renew', renew]]) })
  const daemon = watched(t, tunnel, device)
  daemon.client.start()
  await daemon.until(isWarm)
  t.deepEqual(await daemon.client.post('/renew', '{}'), {
    ok: true,
    value: { status: 201, body: `${device.id} {}` },
  })
  t.like(await daemon.client.post('/other', '{}'), { value: { status: 404 } })
  const tooLong = await daemon.client.post('/renew', 'x'.repeat(65 * 1024))
  t.like(tooLong, { ok: false, error: { reason: 'connection_lost' } })
})

test('a gateway that goes away is noticed, and one that comes back is found', async (t) => {
  const { server, tunnel, device } = await start(t)
  const daemon = watched(t, tunnel, device)
  daemon.client.start()
  await daemon.untilSettings(1)
  const { port } = tunnel.server.address
  await tunnel.server.drain(0)
  const gone = await daemon.until(({ state }) => state === 'unreachable')
  t.is(gone.connections, 0)
  t.is(gone.userEmail, 'demo@example.com')
  const again = await startTunnel(
    t,
    { onControl: server.onControl },
    { listen: { host: '127.0.0.1', port } },
  )
  // Another gateway, with other authorities, must not be believed.
  const wrong = await daemon.until(({ reason }) => reason === 'gateway_not_trusted')
  t.is(wrong.state, 'unreachable')
  await again.server.drain(0)
})

test('T87: a revoked device shows it', async (t) => {
  const { tunnel, device } = await start(t)
  const daemon = watched(t, tunnel, device)
  daemon.client.start()
  await daemon.until(isWarm)
  const row = tunnel.devices.get(device.id)
  if (row) tunnel.devices.set(device.id, { ...row, revokedAtMs: 1 })
  tunnel.server.closeDevice(device.id, 'device_revoked')
  const revoked = await daemon.until(({ state }) => state === 'revoked')
  t.is(revoked.reason, 'device_revoked')
})

test('an expired certificate shows, and a renewed one connects at once', async (t) => {
  const { tunnel } = await start(t)
  const device = await tunnel.enrol({ notAfterMs: Date.now() - 1000 })
  const daemon = watched(t, tunnel, device)
  daemon.client.start()
  await daemon.until(({ state }) => state === 'certificate_expired')
  const fresh = await tunnel.enrol()
  daemon.client.updateCredentials(fresh.credentials)
  await daemon.until(isWarm)
  t.is(daemon.client.status.state, 'connected')
})

test('renewed credentials: new flows use them, old flows go on', async (t) => {
  const keys: string[] = []
  const onFlow = (flow: IncomingFlow) => {
    keys.push(flow.peer.leaf.keySha256)
    echo(flow)
  }
  const { tunnel, device } = await start(t, { onFlow })
  const daemon = watched(t, tunnel, device)
  daemon.client.start()
  await daemon.until(isWarm)
  const to = { host: 'wiki', port: 1 }
  const before = await daemon.client.openFlow(to, {})
  const fresh = await issueDevice(tunnel.deviceCa, device.id)
  const row = tunnel.devices.get(device.id)
  const { keySha256 } = fresh
  if (row) tunnel.devices.set(device.id, { ...row, keySha256 })
  daemon.client.updateCredentials({ ...device.credentials, ...fresh })
  const opened = async () => {
    for (;;) {
      await daemon.client.openFlow(to, {})
      if (keys.at(-1) === keySha256) return
    }
  }
  await opened()
  if (!before.ok) return t.fail()
  before.value.write('still here')
  t.is(String((await once(before.value, 'data'))[0]), 'still here')
})

test('a second machine with the same certificate takes the control stream over, once', async (t) => {
  const { tunnel, device } = await start(t)
  const first = watched(t, tunnel, device)
  first.client.start()
  await first.untilSettings(1)
  const second = watched(t, tunnel, device)
  second.client.start()
  await second.untilSettings(1)
  await first.until(() => first.notices.length > 0)
  t.like(first.notices, [{ reason: 'device_duplicate' }])
  t.like(await first.client.applications(), { ok: false })
  t.like(await second.client.applications(), { ok: true })
})

/** A tunnel over a wire that can fall silent, and a flow in it. */
async function overWire(t: ExecutionContext) {
  const { tunnel, device } = await start(t)
  const wire = await startFreezableWire(t, tunnel.server.address.port)
  const daemon = watched(t, tunnel, device, { gateway: { host: '127.0.0.1', port: wire.port } })
  daemon.client.start()
  await daemon.until(isWarm)
  await daemon.untilSettings(1)
  const flow = await daemon.client.openFlow({ host: 'wiki', port: 1 }, {})
  if (!flow.ok) throw new Error(flow.error.reason)
  return { wire, daemon, flow: flow.value }
}

test('D8 T107: after a change of the network nothing is certain until the gateway answered', async (t) => {
  const { daemon, flow } = await overWire(t)
  daemon.client.networkChanged()
  t.like(daemon.client.status, { state: 'connecting', reason: 'network_changed', connections: 2 })
  const again = await daemon.until(({ state }) => state === 'connected')
  t.is(again.reason, undefined)
  flow.write('still here')
  t.is(String((await once(flow, 'data'))[0]), 'still here')
  t.deepEqual(daemon.lost, [])
})

test('D8 T107: where the old way is dead, new flows have a new one within 3 s, and the old flow may live on', async (t) => {
  const { daemon, wire, flow } = await overWire(t)
  wire.freeze(false)
  const changedAtMs = Date.now()
  daemon.client.networkChanged()
  await daemon.until(({ state }) => state === 'connected')
  const opened = await daemon.client.openFlow({ host: 'wiki', port: 1 }, {})
  t.true(opened.ok)
  t.true(Date.now() - changedAtMs < 3000)
  // Questions go the new way, too.
  await daemon.untilSettings(2)
  t.like(await daemon.client.applications(), { ok: true })
  wire.thaw()
  flow.write('still here')
  t.is(String((await once(flow, 'data'))[0]), 'still here')
})

test('D8: flows on a dead connection end, and how many and why is told', async (t) => {
  const { daemon, wire, flow } = await overWire(t)
  wire.freeze(true)
  const ended = new Promise<void>((resolve) => flow.once('close', resolve))
  await daemon.until(() => daemon.lost.length > 0)
  await ended
  t.deepEqual(
    daemon.lost.map(({ reason, flows }) => [reason, flows]),
    [['ping_timeout', 1]],
  )
  const status = await daemon.until(({ state }) => state === 'connecting')
  t.is(status.reason, 'ping_timeout')
})
