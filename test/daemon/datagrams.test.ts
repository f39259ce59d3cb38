import { once } from 'node:events'
import { createSecureServer, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { PassThrough } from 'node:stream'
import test from 'ava'
import { createOpenDatagrams, type FlowStateSource } from '../../daemon/flow-client.ts'
import { momentNow } from '../../daemon/moment-os.ts'
import { compileRoutes } from '../../daemon/route.ts'
import { datagramsOn } from '../../lib/tunnel/datagram-flow.ts'
import { issue, makeCa } from '../support/certificates.ts'
import { startUdpTarget } from '../support/datagrams.ts'
import { denial, permitAll, startEnforced } from '../support/decisions.ts'
import { connectDevice, dialTcp } from '../support/tunnel.ts'

/** A daemon's state in which these hosts are ours. */
function state(
  tunnel: Extract<FlowStateSource['flowState'], { readonly tunnel: unknown }>['tunnel'],
  ours: readonly string[] = ['wiki'],
): FlowStateSource {
  const prefixes = ours.includes('127.0.0.1') ? ['127.0.0.1/32'] : []
  const routes = compileRoutes(
    { domains: ours.filter((host) => host !== '127.0.0.1'), prefixes, others: 'direct' },
    { gateway: [], ownPorts: [], refuseOthers: false },
  )
  return {
    flowState: { isSettling: false, routes, tunnel },
    settled: () => Promise.resolve(),
  }
}

test('datagrams of the daemon reach a target behind the gateway, and their answers come back', async (t) => {
  const target = await startUdpTarget(t)
  const enforced = await startEnforced(t)
  const connection = await connectDevice(t, enforced.tunnel.client(await enforced.tunnel.enrol()))
  const openDatagrams = createOpenDatagrams(state(connection))
  const flow = await openDatagrams('udp', { host: 'wiki', port: target.port }, { process: 'dig' })
  if (!flow.ok) return t.fail(flow.error.reason)
  const sent = ['one', '', 'x'.repeat(65_507)]
  const came: string[] = []
  const all = new Promise<void>((resolve) =>
    flow.value.onDatagram((payload) => {
      came.push(Buffer.from(payload).toString())
      if (came.length === sent.length) resolve()
    }),
  )
  for (const text of sent) flow.value.send(Buffer.from(text))
  await all
  t.deepEqual(came, sent)
  flow.value.close()
  t.deepEqual(await flow.value.closed, { reason: 'closed' })
  t.like(await enforced.closedRecord(), {
    closeReason: 'done',
    process: 'dig',
    facts: { destination: { host: 'wiki', transport: 'udp' } },
  })
  t.is(connection.openFlows, 0)
})

test('a denial and a cut are told', async (t) => {
  const target = await startUdpTarget(t)
  const decide: typeof permitAll.decide = (facts) =>
    facts.destination.host === 'wiki' ? permitAll.decide(facts) : denial('no_application')
  const enforced = await startEnforced(t, { decider: { ...permitAll, decide } })
  const connection = await connectDevice(t, enforced.tunnel.client(await enforced.tunnel.enrol()))
  const openDatagrams = createOpenDatagrams(state(connection, ['wiki', 'other']))
  t.like(await openDatagrams('udp', { host: 'other', port: 53 }, {}), {
    error: { status: 403, reason: 'no_application' },
  })
  const flow = await openDatagrams('udp', { host: 'wiki', port: target.port }, {})
  if (!flow.ok) return t.fail(flow.error.reason)
  for (const { id } of enforced.table.list()) enforced.table.cut(id, 'session_revoked')
  t.deepEqual(await flow.value.closed, { reason: 'reset' })
  flow.value.send(Buffer.from('late'))
  t.is(flow.value.dropped, 1)
  t.deepEqual(target.received, [])
})

for (const [gateway, settings] of [
  ['knows no datagrams', {}],
  ['knows others', { enableConnectProtocol: true }],
] as const) {
  test(`a gateway that ${gateway} is too old, and says so`, async (t) => {
    const ca = await makeCa('old gateway')
    const { certificate: cert, key } = await issue(ca, {
      names: [{ type: 'ip', value: '127.0.0.1' }],
      usage: 'serverAuth',
    })
    const server = createSecureServer({ cert, key, settings })
    server.on('stream', (stream: ServerHttp2Stream) => stream.respond({ ':status': 501 }))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => server.close())
    const { port } = server.address() as AddressInfo
    const connection = await connectDevice(t, {
      gateway: { host: '127.0.0.1', port },
      credentials: { certificate: cert, key, gatewayCa: ca.pem },
      dial: dialTcp,
      now: momentNow,
    })
    const openDatagrams = createOpenDatagrams(state(connection))
    t.like(await openDatagrams('icmp', { host: 'wiki', port: 0 }, {}), {
      error: { status: 503, reason: 'transport_unsupported' },
    })
  })
}

test('what is ours never goes directly: without a tunnel it is refused', async (t) => {
  const target = await startUdpTarget(t)
  const openDatagrams = createOpenDatagrams(state('gateway_unreachable', ['127.0.0.1']))
  const refused = await openDatagrams('udp', { host: '127.0.0.1', port: target.port }, {})
  t.like(refused, { ok: false, error: { reason: 'gateway_unreachable' } })
  t.deepEqual(target.received, [])
})

test('what is not ours goes directly, and only its target is heard', async (t) => {
  const target = await startUdpTarget(t)
  const openDatagrams = createOpenDatagrams(state('gateway_unreachable'))
  const flow = await openDatagrams('udp', { host: '127.0.0.1', port: target.port }, {})
  if (!flow.ok) return t.fail(flow.error.reason)
  const answer = new Promise((resolve) =>
    flow.value.onDatagram((payload) => resolve(String(payload))),
  )
  flow.value.send(Buffer.from('direct'))
  t.is(await answer, 'direct')
  flow.value.close()
  t.deepEqual(await flow.value.closed, { reason: 'closed' })
})

test('a queue that is full drops the newest datagrams and counts them', async (t) => {
  const stream = new PassThrough()
  const flow = datagramsOn(stream, setImmediate)
  stream.pause()
  for (let index = 0; index < 10; index++) flow.send(Buffer.alloc(60_000))
  t.is(flow.dropped, 6)
  flow.send(Buffer.alloc(70_000))
  t.is(flow.dropped, 7)
})

test('empty datagrams before the listener are bounded as well', async (t) => {
  const stream = new PassThrough()
  const flow = datagramsOn(stream, setImmediate)
  const [empty, many] = [Buffer.from([0, 1, 0]), 10_000]
  stream.write(Buffer.concat(Array.from({ length: many }, () => empty)))
  await new Promise(setImmediate)
  let came = 0
  flow.onDatagram(() => came++)
  t.true(came > 0 && came < 1000, `${came}`)
})

test('what came before the listener is kept; what is no capsule ends the flow', async (t) => {
  const stream = new PassThrough()
  const flow = datagramsOn(stream, setImmediate)
  const came: string[] = []
  flow.send(Buffer.from('early'))
  await once(stream, 'data')
  flow.onDatagram((payload) => came.push(String(Buffer.from(payload))))
  t.deepEqual(came, ['early'])
  stream.write(Buffer.from('0000', 'hex'))
  t.deepEqual(await flow.closed, { reason: 'bad_datagrams' })
})
