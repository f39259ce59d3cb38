import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import test from 'ava'
import { encodeDatagram } from '../../../lib/tunnel/capsule.ts'
import { askDatagrams, startUdpTarget } from '../../support/datagrams.ts'
import { denial, permit, permitAll, startEnforced, startTarget } from '../../support/decisions.ts'

test('datagrams go to the target and back with their borders, counted and recorded', async (t) => {
  const target = await startUdpTarget(t)
  const enforced = await startEnforced(t)
  const flow = await askDatagrams(t, enforced.tunnel, { port: target.port })
  t.is(flow.status, 200)
  t.is(flow.headers['capsule-protocol'], '?1')
  const sent = ['a', 'bc', '', 'def'].map((text) => Buffer.from(text))
  flow.stream.write(Buffer.concat(sent.map(encodeDatagram)))
  for (const payload of sent) t.deepEqual(await flow.next(), payload)
  t.is(new Set(target.received.map(({ from }) => from.port)).size, 1)
  flow.stream.end()
  await flow.closed
  t.like(await enforced.closedRecord(), {
    verdict: 'permit',
    dialled: '127.0.0.1',
    closeReason: 'done',
    sentBytes: 18,
    receivedBytes: 18,
    facts: { destination: { transport: 'udp', port: target.port, address: '127.0.0.1' } },
  })
  t.is(enforced.table.count, 0)
})

test('a datagram of 65,507 octets passes, and over IPv6 one of 65,527; a longer one is lost and breaks nothing', async (t) => {
  const enforced = await startEnforced(t)
  for (const [host, length] of [
    ['127.0.0.1', 65_507],
    ['::1', 65_527],
  ] as const) {
    const { port } = await startUdpTarget(t, { host })
    const flow = await askDatagrams(t, enforced.tunnel, { host, port })
    const longest = Buffer.alloc(length, 1)
    flow.stream.write(encodeDatagram(longest))
    t.true(longest.equals(await flow.next()))
    if (length < 65_527) flow.stream.write(encodeDatagram(Buffer.alloc(length + 1)))
    flow.stream.write(encodeDatagram(Buffer.from('after')))
    t.is(String(await flow.next()), 'after')
    flow.stream.end()
    await flow.closed
    t.like(await enforced.closedRecord(), { droppedDatagrams: 0 })
  }
})

test('G3: no datagram reaches a target of a denied flow, nor one denied by its address', async (t) => {
  const target = await startUdpTarget(t)
  for (const decider of [
    { ...permitAll, decide: () => denial('no_application') },
    { ...permitAll, decideAddress: () => denial('address_forbidden') },
  ]) {
    const enforced = await startEnforced(t, { decider })
    const flow = await askDatagrams(t, enforced.tunnel, { port: target.port })
    t.is(flow.status, 403)
    t.regex(String(flow.headers['proxy-status']), /no_application|address_forbidden/)
    t.like(await enforced.closedRecord(), { verdict: 'denial' })
  }
  t.deepEqual(target.received, [])
})

test('policy is asked about UDP: what it permits over TCP alone is refused', async (t) => {
  const onlyTcp = ({ destination }: { destination: { transport: string } }) =>
    destination.transport === 'tcp' ? permit : denial('no_application')
  const enforced = await startEnforced(t, { decider: { ...permitAll, decide: onlyTcp } })
  t.is((await askDatagrams(t, enforced.tunnel)).status, 403)
})

test('G10: a cut ends the flow at once, and nothing passes any more', async (t) => {
  const target = await startUdpTarget(t)
  const enforced = await startEnforced(t)
  const flow = await askDatagrams(t, enforced.tunnel, { port: target.port })
  flow.stream.write(encodeDatagram(Buffer.from('before')))
  await flow.next()
  for (const { id } of enforced.table.list()) enforced.table.cut(id, 'session_revoked')
  await flow.closed
  t.not(flow.stream.rstCode, 0)
  t.like(await enforced.closedRecord(), { closeReason: 'session_revoked' })
  const [first] = target.received
  target.socket.send('late', first?.from.port ?? 0, '127.0.0.1')
  t.is(target.received.length, 1)
})

test('a flow without datagrams ends after its idle time-out', async (t) => {
  const target = await startUdpTarget(t)
  const idle = { ...permit, idleTimeoutMs: 80 }
  const decider = { revision: 1, decide: () => idle, decideAddress: () => idle }
  const enforced = await startEnforced(t, { decider })
  const flow = await askDatagrams(t, enforced.tunnel, { port: target.port })
  await flow.closed
  t.like(await enforced.closedRecord(), { closeReason: 'idle_timeout' })
})

test('only the target is heard: what others send to the same port does not reach the device', async (t) => {
  const target = await startUdpTarget(t)
  const enforced = await startEnforced(t)
  const flow = await askDatagrams(t, enforced.tunnel, { port: target.port })
  flow.stream.write(encodeDatagram(Buffer.from('first')))
  t.is(String(await flow.next()), 'first')
  const stranger = createSocket('udp4')
  t.teardown(() => stranger.close())
  await new Promise((sent) =>
    stranger.send('forged', target.received[0]?.from.port ?? 0, '127.0.0.1', sent),
  )
  flow.stream.write(encodeDatagram(Buffer.from('second')))
  t.is(String(await flow.next()), 'second')
})

for (const [title, octets] of [
  ['a datagram longer than any', Buffer.from('0080010010', 'hex')],
  ['a datagram without a context', Buffer.from('0000', 'hex')],
] as const) {
  test(`${title} resets the flow, and nothing is sent`, async (t) => {
    const target = await startUdpTarget(t)
    const enforced = await startEnforced(t)
    const flow = await askDatagrams(t, enforced.tunnel, { port: target.port })
    flow.stream.write(octets)
    await flow.closed
    t.like(await enforced.closedRecord(), { closeReason: 'bad_datagrams' })
    t.deepEqual(target.received, [])
  })
}

test('an end within a capsule resets the flow; other capsules are skipped', async (t) => {
  const target = await startUdpTarget(t)
  const enforced = await startEnforced(t)
  const flow = await askDatagrams(t, enforced.tunnel, { port: target.port })
  flow.stream.write(Buffer.from('1600', 'hex'))
  flow.stream.end(Buffer.from('000300', 'hex'))
  await flow.closed
  t.like(await enforced.closedRecord(), { closeReason: 'bad_datagrams' })
})

test('a target that is not there ends the flow once something was sent', async (t) => {
  const gone = createSocket('udp4').bind(0, '127.0.0.1')
  await once(gone, 'listening')
  const { port } = gone.address()
  gone.close()
  const enforced = await startEnforced(t)
  const flow = await askDatagrams(t, enforced.tunnel, { port })
  flow.stream.write(encodeDatagram(Buffer.from('anyone?')))
  await flow.closed
  t.like(await enforced.closedRecord(), { closeReason: 'reset_by_target' })
})

test('what is no path of a UDP flow is refused, with a record; another protocol is not known', async (t) => {
  const enforced = await startEnforced(t)
  const bad = await askDatagrams(t, enforced.tunnel, { change: { ':path': '/elsewhere' } })
  t.is(bad.status, 403)
  t.like(await enforced.closedRecord(), {
    closeReason: 'bad_destination',
    facts: { destination: { host: '/elsewhere', transport: 'udp' } },
  })
  const other = await askDatagrams(t, enforced.tunnel, { change: { ':protocol': 'websocket' } })
  t.is(other.status, 501)
  t.is(enforced.records.size, 1)
})

test('a flow over TCP to the same place is not taken for datagrams', async (t) => {
  const tcp = await startTarget(t, (socket) => {
    socket.pipe(socket)
  })
  const enforced = await startEnforced(t)
  const flow = await askDatagrams(t, enforced.tunnel, { port: tcp.port })
  t.is(flow.status, 200)
  flow.stream.end()
  await flow.closed
  t.is(tcp.sockets.length, 0)
})

test('a burst of 150 datagrams finds room in the kernel while the gateway does something else', async (t) => {
  const target = await startUdpTarget(t, { isEcho: false })
  const enforced = await startEnforced(t)
  const flow = await askDatagrams(t, enforced.tunnel, { port: target.port })
  flow.stream.write(encodeDatagram(Buffer.from('where are you?')))
  await once(target.socket, 'message')
  const [first] = target.received
  const burst = Array.from({ length: 150 }, (_, index) => Buffer.alloc(1200, index))
  // One turn: nothing is read meanwhile, in this process.
  for (const payload of burst) target.socket.send(payload, first?.from.port ?? 0, '127.0.0.1')
  for (const payload of burst) t.true(payload.equals(await flow.next()))
})
