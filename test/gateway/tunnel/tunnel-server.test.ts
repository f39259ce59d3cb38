import { once } from 'node:events'
import { connect } from 'node:net'
import { Duplex, PassThrough } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import test from 'ava'
import { connectHttp2 } from '../../../daemon/tunnel/http2-client.ts'
import type { DialTcp } from '../../../daemon/tunnel/tunnel.ts'
import type { IncomingFlow } from '../../../gateway/tunnel/incoming.ts'
import { wireRefusal } from '../../../gateway/tunnel/refusal.ts'
import { issueDevice, makeCa } from '../../support/certificates.ts'
import { connectDevice, dialTcp, startTunnel } from '../../support/tunnel.ts'

const echo = (flow: IncomingFlow) => {
  const stream = flow.accept()
  stream?.pipe(stream)
}

test('T90: a registered device opens a flow that ends in both directions', async (t) => {
  const tunnel = await startTunnel(t, { onFlow: echo })
  const device = await tunnel.enrol()
  const connection = await connectDevice(t, tunnel.client(device))
  const flow = await connection.openFlow({ host: 'wiki', port: 80 }, { process: 'curl' })
  if (!flow.ok) return t.fail(flow.error.reason)
  flow.value.end('hello')
  const [chunk] = await once(flow.value, 'data')
  t.is(String(chunk), 'hello')
  await once(flow.value, 'end')
  t.is(tunnel.server.connections, 1)
})

test('a refusal comes with status, reason and sentence', async (t) => {
  const onFlow = (flow: IncomingFlow) => flow.refuse(wireRefusal('no_application'))
  const tunnel = await startTunnel(t, { onFlow })
  const connection = await connectDevice(t, tunnel.client(await tunnel.enrol()))
  const flow = await connection.openFlow({ host: 'fd00::1', port: 22 }, {})
  t.like(flow, { ok: false, error: { status: 403, reason: 'no_application' } })
  t.true(connection.usable)
})

test('T90: strangers are refused: no certificate, another authority, a server certificate', async (t) => {
  const tunnel = await startTunnel(t)
  const other = await makeCa('device ca')
  const device = await tunnel.enrol()
  const { gatewayCa } = device.credentials
  const stranger = await issueDevice(other, device.id)
  const server = await issueDevice(tunnel.deviceCa, device.id, { usage: 'serverAuth' })
  for (const { key, certificate } of [stranger, server]) {
    const client = tunnel.client({ id: device.id, credentials: { key, certificate, gatewayCa } })
    const connected = await connectHttp2(client)
    t.false(connected.ok)
  }
  const { port } = tunnel.server.address
  const bare = connectTls({ host: '127.0.0.1', port, ca: gatewayCa, ALPNProtocols: ['h2'] })
  const [error] = await once(bare, 'error')
  t.regex(String(error), /certificate required/i)
  const reasons = tunnel.log.lines.map(({ reason }) => reason)
  t.true(reasons.includes('ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE'))
  t.is(tunnel.server.connections, 0)
})

test('T90: an unknown and a revoked device are refused with a reason', async (t) => {
  const tunnel = await startTunnel(t)
  const device = await tunnel.enrol()
  const row = tunnel.devices.get(device.id)
  tunnel.devices.delete(device.id)
  t.like(await connectHttp2(tunnel.client(device)), { error: { reason: 'device_unknown' } })
  if (row) tunnel.devices.set(device.id, { ...row, revokedAtMs: 1 })
  t.like(await connectHttp2(tunnel.client(device)), { error: { reason: 'device_revoked' } })
  t.true(tunnel.log.lines.some(({ reason }) => reason === 'device_revoked'))
})

test('T90: the gateway must prove itself by the pinned authority', async (t) => {
  const tunnel = await startTunnel(t)
  const device = await tunnel.enrol()
  const { pem } = await makeCa('gateway ca')
  const credentials = { ...device.credentials, gatewayCa: pem }
  const connected = await connectHttp2(tunnel.client({ ...device, credentials }))
  t.like(connected, { ok: false, error: { reason: 'gateway_not_trusted' } })
})

for (const [title, wanted] of [
  ['expired', 'device_expired'],
  ['revoked', 'device_revoked'],
] as const) {
  test(`T90: a resumed TLS session of a device that is ${title} by then is refused, though Node calls it authorized`, async (t) => {
    let offsetMs = 0
    const tunnel = await startTunnel(t, {}, { now: () => Date.now() + offsetMs })
    const device = await tunnel.enrol()
    let ticket: Buffer | undefined
    let isResumed = false
    const first = await connectDevice(
      t,
      tunnel.client(device, {
        onTicket: (bytes) => {
          ticket = bytes
        },
      }),
    )
    await first.drain(1000)
    t.truthy(ticket)
    if (wanted === 'device_expired') offsetMs = 7_200_000
    const row = tunnel.devices.get(device.id)
    if (wanted === 'device_revoked' && row)
      tunnel.devices.set(device.id, { ...row, revokedAtMs: 1 })
    const resumed = await connectHttp2(
      tunnel.client(device, {
        ...(ticket ? { ticket } : {}),
        onTls: (socket) => {
          isResumed = socket.isSessionReused()
        },
      }),
    )
    t.true(isResumed)
    t.like(resumed, { ok: false, error: { reason: wanted } })
  })
}

test('T87: revocation closes the connections of that device at once, and says why', async (t) => {
  const gone: string[] = []
  const onFlow = (flow: IncomingFlow) => {
    flow.onGone(() => gone.push(flow.authority))
    flow.accept()
  }
  const tunnel = await startTunnel(t, { onFlow })
  const [revoked, other] = [await tunnel.enrol(), await tunnel.enrol()]
  const connection = await connectDevice(t, tunnel.client(revoked))
  const bystander = await connectDevice(t, tunnel.client(other))
  const flow = await connection.openFlow({ host: 'wiki', port: 80 }, {})
  if (!flow.ok) return t.fail(flow.error.reason)
  const flowClosed = once(flow.value, 'close')
  t.is(tunnel.server.closeDevice(revoked.id, 'device_revoked'), 1)
  t.like(await connection.closed, { reason: 'device_revoked' })
  await flowClosed
  t.deepEqual(gone, ['wiki:80'])
  t.true(bystander.usable)
})

test('a connection ends with its certificate', async (t) => {
  // Certificates count in seconds.
  const notAfterMs = Math.ceil(Date.now() / 1000) * 1000 + 3_600_000
  const tunnel = await startTunnel(t, {}, { now: () => notAfterMs - 3000 })
  const device = await tunnel.enrol({ notAfterMs })
  const connection = await connectDevice(t, tunnel.client(device))
  t.like(await connection.closed, { reason: 'device_expired' })
})

test('drain: open flows finish, new connections and flows are refused', async (t) => {
  const tunnel = await startTunnel(t, { onFlow: echo })
  const device = await tunnel.enrol()
  const connection = await connectDevice(t, tunnel.client(device))
  const flow = await connection.openFlow({ host: 'wiki', port: 80 }, {})
  if (!flow.ok) return t.fail(flow.error.reason)
  const drained = tunnel.server.drain(10_000)
  flow.value.write('still here')
  t.is(String((await once(flow.value, 'data'))[0]), 'still here')
  t.false(connection.usable)
  t.like(await connection.openFlow({ host: 'wiki', port: 80 }, {}), {
    error: { reason: 'gateway_draining' },
  })
  t.like(await connectHttp2(tunnel.client(device)), { error: { reason: 'connection_refused' } })
  flow.value.end()
  await drained
  t.like(await connection.closed, { reason: 'gateway_draining' })
})

test('drain: whoever is in the handshake then is not let in, and not looked for', async (t) => {
  const asked: string[] = []
  const device = (id: string) => void asked.push(id)
  const tunnel = await startTunnel(t, {}, { device })
  const dial: DialTcp = async (to, signal) => {
    const socket = await dialTcp(to, signal)
    // It has begun once the gateway answers.
    socket.once('data', () => void tunnel.server.drain(0))
    const wire = Duplex.from({ readable: socket.pipe(new PassThrough()), writable: socket })
    socket.once('close', () => wire.destroy())
    return wire
  }
  const connected = await connectHttp2(tunnel.client(await tunnel.enrol(), { dial }))
  t.false(connected.ok)
  t.deepEqual(asked, [])
})

test('drain: at the deadline what is left is closed', async (t) => {
  const tunnel = await startTunnel(t, { onFlow: echo })
  const connection = await connectDevice(t, tunnel.client(await tunnel.enrol()))
  await connection.openFlow({ host: 'wiki', port: 80 }, {})
  await tunnel.server.drain(50)
  t.is((await connection.closed).reason, 'gateway_draining')
})

test('T122: a silent stranger is thrown out, and does not hold up a device', async (t) => {
  const pendingLimits = { total: 8, perSource: 2 }
  const tunnel = await startTunnel(t, {}, { handshakeTimeoutMs: 3000, pendingLimits })
  const { port } = tunnel.server.address
  const strangers = [1, 2, 3].map(() => connect({ host: '127.0.0.1', port }))
  for (const stranger of strangers) stranger.on('error', () => undefined)
  await Promise.all(strangers.map((stranger) => once(stranger, 'close')))
  const connection = await connectDevice(t, tunnel.client(await tunnel.enrol()))
  t.true(connection.usable)
})

test('a dead gateway is noticed by an unanswered PING', async (t) => {
  const tunnel = await startTunnel(t)
  const device = await tunnel.enrol()
  let isCut = false
  const connection = await connectDevice(
    t,
    tunnel.client(device, {
      timing: { checkMs: 50, pongMs: 2000 },
      // The path dies without a FIN: octets are swallowed from then on.
      dial: async (to, signal) => {
        const socket = await dialTcp(to, signal)
        const wire = new Duplex({
          read: () => undefined,
          write: (chunk, _encoding, done) => {
            if (!isCut) socket.write(chunk)
            done()
          },
          destroy: (error, done) => {
            socket.destroy()
            done(error)
          },
        })
        socket.on('data', (chunk) => isCut || wire.push(chunk))
        return wire
      },
    }),
  )
  isCut = true
  t.like(await connection.closed, { reason: 'ping_timeout' })
  t.false(connection.usable)
})
